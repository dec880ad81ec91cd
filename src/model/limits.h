// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "tripla/key.h"

// The limits of a server process; those of the replicated state are in state/session_bounds.h. A
// flag can set those named kDefault...; the others are fixed.
namespace tripla::limits {

// R14. Above: RESOURCE_EXHAUSTED, nothing changed.
inline constexpr size_t kKeyBytesMax = Key::kBytesMax;
inline constexpr size_t kDefaultDataBytesMax = size_t{16} << 20;
inline constexpr size_t kDataBytesMaxCeiling = size_t{512} << 20;  // what the flag may ask for
// The same on a replica: while it is replicated, a value is in Java's memory several times.
inline constexpr size_t kReplicaDataBytesMax = size_t{64} << 20;

// One BatchRequest.
inline constexpr size_t kBatchOperationsMax = 10'000;
inline constexpr size_t kBatchBytesMax = size_t{64} << 20;       // keys and data of all operations
inline constexpr size_t kBatchReplyBytesMax = size_t{64} << 20;  // data of all its replies

// One Batch of the log: when to stop collecting. The call that reaches kLogBatchCommandsMax is
// still in it; one with more bytes than kLogBatchBytesMax is a Batch of its own.
inline constexpr size_t kLogBatchCommandsMax = 4096;
inline constexpr size_t kLogBatchBytesMax = size_t{4} << 20;

// Writes waiting for the log. Above: RESOURCE_EXHAUSTED with retry advice (R14, design 5).
inline constexpr size_t kQueueCommandsMax = 65'536;
inline constexpr size_t kQueueBytesMax = size_t{256} << 20;

// What clients may have sent of requests that are not in the queue yet.
inline constexpr size_t kIncomingBytesMax = size_t{288} << 20;
// Unanswered requests that a replica has forwarded to the leader; until they are sent the gRPC
// library holds a second copy. Above: RESOURCE_EXHAUSTED with retry advice; a single request is
// forwarded whatever its size.
inline constexpr size_t kPassedOnBytesMax = size_t{256} << 20;
// Reads that wait until a replica knows the index they must see, and as many again that wait until
// it has applied that index. Above: RESOURCE_EXHAUSTED with retry advice.
inline constexpr size_t kWaitingReadsMax = 65'536;
// Data of replies that clients have not read yet, and the smallest size of a reply that counts. A
// reply above this waits up to 20 s for room; after that RESOURCE_EXHAUSTED with retry advice.
inline constexpr size_t kUnsentReplyBytesMax = size_t{256} << 20;
inline constexpr size_t kCountedReplyBytesMin = size_t{4} << 10;
// Concurrent calls on one connection; more calls wait at the client.
inline constexpr int kCallsPerConnectionMax = 10'000;

// The exact size of a request id's `client` (R13), also in the log and in images.
inline constexpr size_t kClientIdBytes = 16;

static_assert(kDefaultDataBytesMax <= kBatchBytesMax, "a value at the limit must fit in a Batch");
static_assert(kDefaultDataBytesMax <= kBatchReplyBytesMax, "its refusal carries it back");
static_assert(kBatchBytesMax <= kQueueBytesMax, "an empty queue must take any one call");
static_assert(kBatchOperationsMax <= kQueueCommandsMax, "an empty queue must take any one call");

}  // namespace tripla::limits
