// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "cli/connection.h"
#include "cli/executor.h"
#include "cli/exit_code.h"

namespace tripla::cli {

// What the program was asked to do.
struct Options {
  Connection connection;
  Settings settings;
  std::vector<std::string> words;  // of a statement; empty: a shell or a script
};

// Reads arguments, environment and configuration file; of several that speak the first counts. An
// exit code when there is nothing left to do: help was shown, or what is wrong was said.
[[nodiscard]] std::variant<Options, ExitCode> ParseOptions(
    const std::vector<std::string>& arguments);

}  // namespace tripla::cli
