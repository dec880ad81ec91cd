// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla::check {

// How the program ends; scripts rely on the numbers (docs/check.md).
enum class ExitCode : int {
  kAllHold = 0,
  kClaimFailed = 1,
  kUsage = 2,
  kNotReached = 6,  // the server gave no answer, so that claims stay open
  kInterrupted = 130,
};

}  // namespace tripla::check
