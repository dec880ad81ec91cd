// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tripla/answer.h"

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
  kUnknown = 7,     // no decision; the write may have happened
  kNotAllowed = 8,
  kOverloaded = 9,  // or read-only: the same may succeed later
  kDataDamaged = 10,
  kInterrupted = 130,
};

[[nodiscard]] ExitCode ExitCodeOf(Result result);

// A write in doubt gives kUnknown whatever ended the call, but for the interruption the caller
// caused: what became of the write matters more than why.
[[nodiscard]] ExitCode ExitCodeOf(const Failure& failure);

}  // namespace tripla::cli
