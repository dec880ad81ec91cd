// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/command.h"

namespace tripla {

// The bytes of a Batch as every log keeps them (docs/formats.md, "Batch"). Integers are
// little-endian.
//
//   Batch    count u32, then each Command
//   Command  kind u8 | flags u8 | key length u32 | data length u32
//            timestamp i64 | version i64 | if_revision u64
//            [client 16 bytes | sequence u64 | first_unanswered u64]
//            key in ordered form | data
//   flags    1: has a request id; 8, only with 1: was sent before (R13a); 16: was taken by a server
//            that is short of disk
//
// The codec carries no checksum: the record around it does.

// Appends the bytes of `batch` to `bytes`.
void EncodeBatch(const Batch& batch, std::string& bytes);

// How many bytes EncodeBatch would append for `command`; the batch's own count is 4 more.
[[nodiscard]] size_t EncodedBytes(const Command& command);

// Reads what EncodeBatch wrote. Safe on any bytes: allocates no more than a small multiple of them.
//
// Errors: DataLoss when the bytes are no Batch; Unimplemented for a kind or flag this version does
// not know, which a newer server has written. The message says which.
[[nodiscard]] absl::StatusOr<Batch> DecodeBatch(std::string_view bytes);

}  // namespace tripla
