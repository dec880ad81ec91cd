// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/command.h"

namespace tripla {

// The encoding of a Batch in every log (docs/formats.md, "Batch"). Integers are little-endian.
//
//   Batch    count u32, then each Command
//   Command  kind u8 | flags u8 | key length u32 | data length u32
//            timestamp i64 | version i64 | if_revision u64
//            [client 16 bytes | sequence u64 | first_unanswered u64]
//            key in ordered form | data
//   flags    1: has a request id; 8, only with 1: was sent before (R13a); 16: was taken by a server
//            that is short of disk
//
// There is no checksum here; the record around a Batch has one.

// Appends the bytes of `batch` to `bytes`.
void EncodeBatch(const Batch& batch, std::string& bytes);

// The number of bytes EncodeBatch appends for `command`; the count takes 4 more for the batch.
[[nodiscard]] size_t EncodedBytes(const Command& command);

// Reads the bytes of EncodeBatch. Safe on any input: it allocates at most a small multiple of its
// size.
//
// Errors: DataLoss when the bytes are no Batch; Unimplemented for a kind, a flag or a level this
// version does not know, which a newer server has written. The message says which.
[[nodiscard]] absl::StatusOr<Batch> DecodeBatch(std::string_view bytes);

}  // namespace tripla
