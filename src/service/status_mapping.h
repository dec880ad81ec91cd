// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "model/outcome.h"
#include "tripla/answer.h"

namespace tripla {

// What became of a write that ended in an error (R12).
using Applied = Failure::Applied;

// The gRPC error of a call that could not write.
[[nodiscard]] grpc::Status ReadError(const absl::Status& error);

// The gRPC error of a call that could write: carries Undecided as status detail, and where to ask
// instead (HOST:PORT) unless that is empty.
[[nodiscard]] grpc::Status WriteError(const absl::Status& error, Applied applied,
                                      const std::string& leader_endpoint = "");

// The error that tells a client about a refusal of the state machine; `refusal` is not kNone.
[[nodiscard]] absl::Status RefusalError(Refusal refusal);

// Whether a write that was refused so had an effect earlier.
[[nodiscard]] Applied AppliedAfter(Refusal refusal);

// The gRPC error of a write that the state machine refused. For a reused request id it tells
// the first answer (Undecided.first_answer).
[[nodiscard]] grpc::Status RefusedWrite(const Outcome& outcome);

}  // namespace tripla
