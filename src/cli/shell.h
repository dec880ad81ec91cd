// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interpreter.h"
#include "cli/line_editor.h"

namespace tripla::cli {

// Reads lines from a person and carries them out until the person leaves. No mistake and no failure
// ends it. Returns the exit code.
[[nodiscard]] ExitCode RunShell(LineEditor& editor, Interpreter& interpreter, Console& console);

// Says who answers of the servers at `endpoints`, or that nobody does, without waiting for long.
void Greet(const std::vector<std::string>& endpoints, Console& console);

}  // namespace tripla::cli
