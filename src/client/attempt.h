// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <optional>
#include <string>

#include "client/effect.h"
#include "tripla/answer.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// What one failed attempt of a call tells.
struct AttemptFailure {
  Failure::Applied applied = Failure::Applied::kNo;  // by this attempt alone
  Failure failure;  // of this attempt; Core::Send() makes its `applied` that of all attempts
  bool worth_retrying = false;
  // It is the server that did not serve, not the call that was at fault or too much.
  bool worth_asking_another = false;
  std::string leader_endpoint;  // whom it said to ask instead, if it did
  // When the call's request id was used for another request: the answer which that one had.
  std::optional<v1::Reply> first_answer;
};

// Reads the error of an attempt that was made over a connection. `context` is the attempt's, ended.
[[nodiscard]] AttemptFailure ReadFailure(const grpc::Status& status,
                                         const grpc::ClientContext& context, Effect effect);

}  // namespace tripla
