// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "model/command.h"
#include "model/limits.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// All requests are checked here; every resulting Command is well-formed and within limits (R10,
// R14). A missing required field is an error; it does not get a default. Errors of all functions:
// InvalidArgument for a malformed request, ResourceExhausted for one that is too large; nothing has
// changed then.

[[nodiscard]] absl::StatusOr<Command> ToCommand(const v1::SetRequest& request,
                                                size_t data_bytes_max);
[[nodiscard]] absl::StatusOr<Command> ToCommand(const v1::GetRequest& request);
[[nodiscard]] absl::StatusOr<Command> ToCommand(const v1::DelRequest& request);
[[nodiscard]] absl::StatusOr<Command> ToCommand(const v1::DelVersionRequest& request);
[[nodiscard]] absl::StatusOr<Command> ToCommand(const v1::TestAndSetRequest& request,
                                                size_t data_bytes_max);

// Whether an operation asks for an answer without data (R12b).
[[nodiscard]] bool WithoutData(const v1::Operation& operation);

// The commands in the order of the request; never empty. One bad operation refuses the whole batch.
[[nodiscard]] absl::StatusOr<std::vector<Command>> ToCommands(const v1::BatchRequest& request,
                                                              size_t data_bytes_max);

}  // namespace tripla
