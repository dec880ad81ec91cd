// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <iostream>
#include <string>
#include <variant>
#include <vector>

#include "base/descriptors.h"
#include "base/program.h"
#include "cli/console.h"
#include "cli/escape.h"
#include "cli/executor.h"
#include "cli/interpreter.h"
#include "cli/interrupt.h"
#include "cli/line_editor.h"
#include "cli/options.h"
#include "cli/shell.h"
#include "cli/statement.h"
#include "cli/wall_clock.h"
#include "tripla/client.h"

namespace tripla::cli {
namespace {

// Besides one for each server: nine for gRPC and for signals were measured, and some for names that
// are looked up and for a file.
constexpr int kDescriptors = 16;

Client ClientFor(const Connection& connection) {
  return Client({.endpoints = connection.endpoints, .deadline = connection.timeout});
}

// tripla set 1 lala
ExitCode RunWords(const Options& options, Console& console) {
  Client client = ClientFor(options.connection);
  // Before the statement is read: its data may come from a person's keyboard.
  const InterruptWatch watch(client, InterruptWatch::WhenIdle::kEndProgram);
  const absl::StatusOr<Statement> statement =
      ParseStatement(options.words, {.standard_input = &std::cin, .now = UnixMilliseconds});
  if (!statement.ok()) {
    const std::string why(statement.status().message());
    console.Complain(Escape(why, Keep::kQuotes));
    return ExitCode::kUsage;
  }
  Executor executor(client, console, options.settings, Source::kArguments, options.connection);
  return executor.Run(*statement, "");
}

ExitCode RunStandardInput(Options& options, Console& console) {
  Client client = ClientFor(options.connection);
  const InterruptWatch watch(client, InterruptWatch::WhenIdle::kEndProgram);
  Executor executor(client, console, options.settings, Source::kScript, options.connection);
  Interpreter interpreter(executor, console, options.settings);
  return RunScript(std::cin, interpreter, console, options.settings);
}

ExitCode RunPerson(Options& options, Console& console) {
  Client client = ClientFor(options.connection);
  const InterruptWatch watch(client, InterruptWatch::WhenIdle::kTell);
  Executor executor(client, console, options.settings, Source::kPerson, options.connection);
  Interpreter interpreter(executor, console, options.settings);
  Greet(options.connection.endpoints, console);
  LineEditor editor(HistoryFile(), watch.told());
  return RunShell(editor, interpreter, console, PromptFor(options.connection.endpoints));
}

ExitCode Run(Options& options, Console& console) {
  if (!options.words.empty()) return RunWords(options, console);
  if (isatty(STDIN_FILENO) == 1) return RunPerson(options, console);
  return RunStandardInput(options, console);
}

Destination DestinationOf(int descriptor) {
  return isatty(descriptor) == 1 ? Destination::kTerminal : Destination::kPipe;
}

int Main(const std::vector<std::string>& arguments) {
  HoldInterrupts();
  std::ios::sync_with_stdio(false);
  std::variant<Options, ExitCode> parsed = ParseOptions(arguments);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return static_cast<int>(*code);
  auto& options = std::get<Options>(parsed);
  Console console(std::cout, std::cerr, DestinationOf(STDOUT_FILENO), DestinationOf(STDERR_FILENO));
  const int needed = kDescriptors + static_cast<int>(options.connection.endpoints.size());
  if (const absl::Status enough = CheckDescriptors(needed); !enough.ok()) {
    console.Complain(std::string(enough.message()));
    return static_cast<int>(ExitCode::kInternal);
  }
  return static_cast<int>(Run(options, console));
}

}  // namespace
}  // namespace tripla::cli

int main(int argc, char** argv) {
  using tripla::cli::ExitCode;
  return tripla::RunProgram("tripla", static_cast<int>(ExitCode::kInternal), [&] {
    return tripla::cli::Main({argv + 1, argv + argc});
  });
}
