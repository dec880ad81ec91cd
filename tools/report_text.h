// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tools/directory_check.h"

namespace tripla::verify {

// How the program ends (docs/cli.md).
enum class ExitCode : int {
  kSound = 0,
  kFailure = 1,  // something could not be read, so nothing is proved
  kUsage = 2,
  kDamaged = 10,
};

[[nodiscard]] ExitCode ExitCodeOf(const Report& report);

// A table of the files, the remarks about those that have one, and a line with the verdict.
[[nodiscard]] std::string PlainText(const Report& report);

// The same as one JSON object; numbers that may exceed 2^53 are strings.
[[nodiscard]] std::string JsonText(const Report& report);

}  // namespace tripla::verify
