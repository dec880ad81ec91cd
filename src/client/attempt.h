// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <optional>
#include <string>

#include "tripla/answer.h"

namespace tripla {

// Whether a call can change anything.
enum class Effect { kReads, kWrites };

// What one failed attempt of a call tells.
struct AttemptFailure {
  Failure failure;  // of this attempt alone
  bool worth_retrying = false;
};

// Reads the error of an attempt that was made over a connection. `context` is the attempt's, ended.
[[nodiscard]] AttemptFailure ReadFailure(const grpc::Status& status,
                                         const grpc::ClientContext& context, Effect effect);

}  // namespace tripla
