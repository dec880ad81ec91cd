// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tripla/answer.h"
#include "tripla/server_status.h"

namespace tripla::cli {

// How the program ends; scripts rely on the numbers (docs/cli.md).
enum class ExitCode : int {
  kSuccess = 0,
  kInternal = 1,
  kUsage = 2,  // nothing was sent, or the server found the request malformed or too large
  kError = 3,
  kNoEntry = 4,
  kWrongVersion = 5,
  kNotApplied = 6,  // no decision, and surely no effect
  kUnknown = 7,     // the write may have happened, or has, and how it was decided is not known
  kNotAllowed = 8,
  kOverloaded = 9,  // or read-only: the same may succeed later
  kDataDamaged = 10,
  kInterrupted = 130,
};

[[nodiscard]] ExitCode ExitCodeOf(Result result);

// True when the server decided; false after a failure or a mistake.
[[nodiscard]] bool IsDecided(ExitCode code);

// A write that may have been applied gives kUnknown, whatever ended the call, except an
// interruption by the caller: whether it was applied matters more than the cause.
[[nodiscard]] ExitCode ExitCodeOf(const Failure& failure);

// Whether a call that was refused for lack of room may succeed later.
[[nodiscard]] bool NoRoomNow(const Failure& failure);

// The exit code of the write if its answer had arrived; kUnknown when it is forgotten.
[[nodiscard]] ExitCode ExitCodeOf(const Resolved& resolved);

// Whether a server takes writes, but not the largest that its limit allows: its disk is nearly
// full.
[[nodiscard]] bool IsNearlyFull(const ServerStatus& status);

// kSuccess when all are up, ready and take writes; kNotApplied when one is down or not ready;
// kOverloaded when one takes no writes, or only small ones. A failure of a single server as above.
[[nodiscard]] ExitCode ExitCodeOf(const std::vector<EndpointStatus>& servers);

}  // namespace tripla::cli
