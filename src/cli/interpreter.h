// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "cli/console.h"
#include "cli/executor.h"

namespace tripla::cli {

// Understands the lines of the shell and of scripts: statements, and the commands that begin with a
// backslash and change how the lines after them are carried out.
//
// Thread-safety: none. Lifetime: what it is given outlives it.
class Interpreter {
 public:
  Interpreter(Executor& executor, Console& console, Settings& settings)
      : executor_(executor), console_(console), settings_(settings) {}

  // Carries out a line and says what is wrong with it. nullopt when it asks to leave. `place`
  // ("line 3: ") begins the messages.
  std::optional<ExitCode> RunLine(std::string_view line, std::string_view place);

 private:
  std::optional<ExitCode> RunBackslash(const std::vector<std::string>& words,
                                       std::string_view place);
  ExitCode SetFormat(const std::vector<std::string>& words, std::string_view place);
  ExitCode SetTiming(const std::vector<std::string>& words, std::string_view place);
  ExitCode Misuse(std::string_view place, std::string_view why);

  Executor& executor_;
  Console& console_;
  Settings& settings_;
};

// True when the server decided; false after a failure or a mistake.
[[nodiscard]] bool IsDecided(ExitCode code);

// Runs the lines of `input` until one fails; see docs/cli.md, "Scripts". Returns the exit code.
[[nodiscard]] ExitCode RunScript(std::istream& input, Interpreter& interpreter, Console& console,
                                 const Settings& settings);

}  // namespace tripla::cli
