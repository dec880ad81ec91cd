// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla::load {

// How the program ends; scripts rely on the numbers (docs/performance.md). Calls that failed are
// what a run may find, and no failure of the run.
enum class ExitCode : int {
  kMeasured = 0,
  kInternal = 1,
  kUsage = 2,
  kNotReached = 6,  // no server answered, or none did any more
  kInterrupted = 130,
};

}  // namespace tripla::load
