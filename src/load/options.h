// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "load/exit_code.h"
#include "load/plan.h"

namespace tripla::load {

enum class ReportFormat { kTable, kJson };

// What the program was asked to do.
struct Options {
  Plan plan;
  ReportFormat format = ReportFormat::kTable;
};

// Reads arguments and environment; the arguments count first. An exit code when there is nothing
// left to do: help was shown, or what is wrong was said.
[[nodiscard]] std::variant<Options, ExitCode> ParseOptions(
    const std::vector<std::string>& arguments);

}  // namespace tripla::load
