// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// The exit codes of triplad; scripts and service managers rely on the numbers (README.md).
enum class ExitCode : int {
  kDone = 0,     // stopped by a signal, or printed help or the version
  kFailure = 1,  // could not start, lost durability, or was told twice to stop
  kUsage = 2,
  kDataDamaged = 10,
};

}  // namespace tripla
