// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpc/support/time.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <optional>
#include <string>

#include "client/effect.h"
#include "tripla/answer.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// The failure of one attempt of a call.
struct AttemptFailure {
  Failure::Applied applied = Failure::Applied::kNo;  // by this attempt alone
  Failure failure;  // of this attempt; Core::Send() makes its `applied` that of all attempts
  bool worth_retrying = false;
  // The server did not serve; the call itself was neither malformed nor too large.
  bool worth_asking_another = false;
  std::string leader_endpoint;  // the server to ask instead, if the answer named one
  // If the call's request id was used for another request before: the answer to that request.
  std::optional<v1::Reply> first_answer;
};

// The deadline on gRPC's monotonic clock, so that setting the system's clock does not move it.
[[nodiscard]] gpr_timespec DeadlineAfter(std::chrono::nanoseconds left);

// Sends an operation by the call of its kind. Clears `reply` first.
[[nodiscard]] grpc::Status SendOperation(v1::KeyValue::Stub& stub, grpc::ClientContext& context,
                                         const v1::Operation& request, v1::Reply* reply);

// Reads the error of an attempt made over a connection. `context` is that of the ended attempt.
[[nodiscard]] AttemptFailure ReadFailure(const grpc::Status& status,
                                         const grpc::ClientContext& context, Effect effect);

}  // namespace tripla
