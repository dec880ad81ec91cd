// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace tripla {

// What `app` found wrong with a command line, in the words of these programs where those of CLI11
// leave people to guess what to do.
[[nodiscard]] std::string UsageErrorText(const CLI::App& app, const CLI::ParseError& error);

}  // namespace tripla
