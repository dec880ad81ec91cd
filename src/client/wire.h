// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "tripla/answer.h"
#include "tripla/operation.h"
#include "tripla/server_status.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// Conversion between the values of the API and the messages of the wire contract.

[[nodiscard]] v1::Operation ToWire(const Operation& operation);

// Sets the request id of a write; a read has none.
void SetRequestId(v1::Operation& operation, const v1::RequestId& id);

// Sets how often a write with a request id has been sent, this time included.
void SetAttempt(v1::Operation& operation, uint32_t attempt);

// Asks for the answer to a write without the data of its value (R12b).
void SetWithoutData(v1::Operation& operation);

// nullopt when the reply has no result that this version knows.
[[nodiscard]] std::optional<Decided> FromWire(v1::Reply reply);

[[nodiscard]] ServerStatus FromWire(const v1::StatusReply& reply);
[[nodiscard]] ImageInfo FromWire(const v1::SnapshotReply& reply);
[[nodiscard]] Leader FromWire(const v1::TransferReply& reply);

}  // namespace tripla
