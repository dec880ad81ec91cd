// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/exit_code.h"
#include "cli/interpreter.h"
#include "cli/line_editor.h"

namespace tripla::cli {

// Reads lines from a person and carries them out until the person leaves, or neither the person's
// lines can be read nor answers be written any more. No mistake and no failure of a statement ends
// it. Returns the exit code.
[[nodiscard]] ExitCode RunShell(LineEditor& editor, Interpreter& interpreter, Console& console,
                                const std::string& prompt);

// Says where one is: "tripla 127.0.0.1:7421 +2> ", with the number of further servers.
[[nodiscard]] std::string PromptFor(const std::vector<std::string>& endpoints);

// Prints which of the servers at `endpoints` answer, or that none does, without waiting for long.
void Greet(const std::vector<std::string>& endpoints, Console& console);

}  // namespace tripla::cli
