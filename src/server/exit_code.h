// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// How triplad ends; scripts and service managers rely on the numbers (README.md).
enum class ExitCode : int {
  kDone = 0,     // stopped when it was told to, or printed what it was asked for
  kFailure = 1,  // could not start, lost what it must not, or was told twice to stop
  kUsage = 2,
  kDataDamaged = 10,
};

}  // namespace tripla
