// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <istream>
#include <optional>
#include <string_view>

#include "cli/console.h"
#include "cli/executor.h"
#include "cli/line_words.h"

namespace tripla::cli {

// Understands what stands in the shell and in scripts: statements, and the commands that begin with
// a backslash and change how the lines after them are carried out.
//
// Thread-safety: none. Lifetime: what it is given outlives it.
class Interpreter {
 public:
  Interpreter(Executor& executor, Console& console, Settings& settings)
      : executor_(executor), console_(console), settings_(settings) {}

  // Carries out a statement, or says what is wrong with it. nullopt when it asks to leave. `place`
  // ("line 3: ") begins the messages.
  std::optional<ExitCode> Run(absl::StatusOr<Words> words, std::string_view place);

  // Says why something was not carried out.
  ExitCode Misuse(std::string_view place, std::string_view why);

 private:
  std::optional<ExitCode> RunBackslash(const std::vector<std::string>& words,
                                       std::string_view place);
  ExitCode SetFormat(const std::vector<std::string>& words, std::string_view place);
  ExitCode SetTiming(const std::vector<std::string>& words, std::string_view place);

  Executor& executor_;
  Console& console_;
  Settings& settings_;
};

// Runs the statements of `input` until one fails; see docs/cli.md, "Scripts". Returns the exit
// code.
[[nodiscard]] ExitCode RunScript(std::istream& input, Interpreter& interpreter, Console& console,
                                 const Settings& settings);

}  // namespace tripla::cli
