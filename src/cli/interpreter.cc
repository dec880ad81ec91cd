// SPDX-License-Identifier: Apache-2.0
#include "cli/interpreter.h"

#include <fmt/core.h>

#include <cerrno>
#include <string>
#include <vector>

#include "cli/data_form.h"
#include "cli/escape.h"
#include "cli/help.h"
#include "cli/spelling.h"
#include "cli/wall_clock.h"

namespace tripla::cli {

std::optional<ExitCode> Interpreter::Run(absl::StatusOr<Words> words, std::string_view place) {
  if (!words.ok()) return Misuse(place, std::string(words.status().message()));
  // Copied from a document or a message, a statement has the program's name before it.
  if (words->size() > 1 && words->front() == "tripla") words->erase(words->begin());
  if (words->empty()) return ExitCode::kSuccess;
  const std::string& first = words->front();
  // What other shells call it.
  const bool leaves = IsSameWord(first, "quit") || IsSameWord(first, "exit");
  if (words->size() == 1 && leaves) return std::nullopt;
  if (first.starts_with('\\')) return RunBackslash(*words, place);
  const absl::StatusOr<Statement> statement =
      ParseStatement(*words, {.standard_input = nullptr, .now = UnixMilliseconds});
  if (!statement.ok()) return Misuse(place, std::string(statement.status().message()));
  return executor_.Run(*statement, place);
}

std::optional<ExitCode> Interpreter::RunBackslash(const std::vector<std::string>& words,
                                                  std::string_view place) {
  if (words[0] == "\\q") return std::nullopt;
  if (words[0] == "\\o") return SetFormat(words, place);
  if (words[0] == "\\timing") return SetTiming(words, place);
  if (words[0] == "\\?") {
    console_.Print(HelpText(""));
    return ExitCode::kSuccess;
  }
  return Misuse(place,
                fmt::format("{} is unknown; there are \\o, \\timing, \\q and \\?", words[0]));
}

ExitCode Interpreter::SetFormat(const std::vector<std::string>& words, std::string_view place) {
  if (words.size() != 2) return Misuse(place, "usage: \\o plain|json|table|raw");
  const absl::StatusOr<OutputFormat> format = ParseOutputFormat(words[1]);
  if (!format.ok()) return Misuse(place, std::string(format.status().message()));
  settings_.format = *format;
  return ExitCode::kSuccess;
}

ExitCode Interpreter::SetTiming(const std::vector<std::string>& words, std::string_view place) {
  using Timing = Settings::Timing;
  const bool on = settings_.timing == Timing::kOn;
  if (words.size() == 1) {
    settings_.timing = on ? Timing::kOff : Timing::kOn;
  } else if (words.size() == 2 && words[1] == "on") {
    settings_.timing = Timing::kOn;
  } else if (words.size() == 2 && words[1] == "off") {
    settings_.timing = Timing::kOff;
  } else {
    return Misuse(place, "usage: \\timing [on|off]");
  }
  console_.Say(settings_.timing == Timing::kOn ? "timing is on" : "timing is off");
  return ExitCode::kSuccess;
}

ExitCode Interpreter::Misuse(std::string_view place, std::string_view why) {
  console_.Complain(fmt::format("{}{}", place, Escape(why, Keep::kQuotes)));
  return ExitCode::kUsage;
}

ExitCode RunScript(std::istream& input, Interpreter& interpreter, Console& console,
                   const Settings& settings) {
  StatementLines lines;
  std::string line;
  errno = 0;
  while (std::getline(input, line)) {
    auto words = lines.Add(line);
    if (!words) continue;
    const std::string place = fmt::format("line {}: ", lines.first_line());
    const std::optional<ExitCode> code = interpreter.Run(*std::move(words), place);
    if (!code) return ExitCode::kSuccess;
    const bool stops = !IsDecided(*code) || (settings.verdict == Settings::Verdict::kStrict &&
                                             *code != ExitCode::kSuccess);
    if (stops) return *code;
    // Nobody would see the answers of further writes.
    if (!console.DataArrived()) return ExitCode::kInternal;
    errno = 0;
  }
  if (const absl::Status read = ReadError(input, errno, "standard input"); !read.ok()) {
    console.Complain(std::string(read.message()) +
                     (lines.lines() == 0 ? "; nothing was run"
                                         : fmt::format("; what stands behind line {} was not run",
                                                       lines.lines())));
    return ExitCode::kInternal;
  }
  if (const absl::Status end = lines.End(); !end.ok()) {
    return interpreter.Misuse(fmt::format("line {}: ", lines.first_line()),
                              std::string(end.message()));
  }
  return ExitCode::kSuccess;
}

}  // namespace tripla::cli
