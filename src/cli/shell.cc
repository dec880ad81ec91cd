// SPDX-License-Identifier: Apache-2.0
#include "cli/shell.h"

#include <fmt/core.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/error_text.h"
#include "cli/escape.h"

namespace tripla::cli {

namespace {

// What a person has typed or pasted: statements that are whole, and the lines of one that is not.
class Typed {
 public:
  explicit Typed(Interpreter& interpreter) : interpreter_(interpreter) {}

  [[nodiscard]] char quote_open() const { return lines_.quote_open(); }
  void Forget() {
    lines_.Reset();
    text_.clear();
  }

  // Takes what was entered at once, one line or many, and runs the statements that are whole. No
  // mistake and no failure stops those behind it, but Ctrl-C does. False when one asks to leave.
  bool Run(const std::string& entered, LineEditor& editor);

 private:
  Interpreter& interpreter_;
  StatementLines lines_;
  std::string text_;  // since the last statement was whole
};

bool Typed::Run(const std::string& entered, LineEditor& editor) {
  text_ += (text_.empty() ? "" : "\n") + entered;
  std::vector<absl::StatusOr<Words>> statements;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(entered, '\n'))) {
    if (auto words = lines_.Add(line)) statements.push_back(*std::move(words));
  }
  if (quote_open() == 0) editor.Remember(std::exchange(text_, ""));
  for (absl::StatusOr<Words>& words : statements) {
    const std::optional<ExitCode> code = interpreter_.Run(std::move(words), "");
    if (!code) return false;
    if (*code == ExitCode::kInterrupted) break;
  }
  return true;
}

}  // namespace

ExitCode RunShell(LineEditor& editor, Interpreter& interpreter, Console& console,
                  const std::string& prompt) {
  Typed typed(interpreter);
  std::string entered;
  while (true) {
    const std::string trouble = editor.TakeTrouble();
    if (!trouble.empty()) console.Complain(Escape(trouble, Keep::kQuotes));
    const char quote = typed.quote_open();
    const std::string goes_on = std::string(prompt.size() - 3, ' ') + quote + "> ";
    switch (editor.ReadLine(quote == 0 ? prompt : goes_on, entered)) {
      case LineEditor::Ending::kInterrupted:
        typed.Forget();
        break;
      case LineEditor::Ending::kNoText:
        typed.Forget();
        console.Complain(
            "this was not run: it has a NUL byte or bytes that are not UTF-8, shown as "
            "\xef\xbf\xbd; "
            "write such bytes as \\xHH between double quotes, or give the data as @FILE");
        break;
      case LineEditor::Ending::kNoMore:
        console.Say("");  // so that what comes next has a line of its own
        if (quote == 0) return ExitCode::kSuccess;
        console.Complain("the last statement was not run: its quote is not closed");
        return ExitCode::kUsage;
      case LineEditor::Ending::kFailed:
        console.Complain(fmt::format("cannot read the terminal: {}", std::strerror(errno)));
        return ExitCode::kInternal;
      case LineEditor::Ending::kLine:
        if (!typed.Run(entered, editor)) return ExitCode::kSuccess;
        // Nobody would see the answers of further writes.
        if (!console.DataArrived()) return ExitCode::kInternal;
    }
  }
}

std::string PromptFor(const std::vector<std::string>& endpoints) {
  const std::string others = endpoints.size() == 1 ? "" : fmt::format(" +{}", endpoints.size() - 1);
  return fmt::format("tripla {}{}> ", endpoints.front(), others);
}

void Greet(const std::vector<std::string>& endpoints, Console& console) {
  Client client({.endpoints = endpoints, .deadline = std::chrono::milliseconds(1000)});
  const Answer<ServerStatus> status = client.Status();
  if (status.ok()) {
    console.Say(fmt::format("tripla {} at {}: {}, {} keys, revision {}", TRIPLA_VERSION,
                            absl::StrJoin(endpoints, ","), Escape(status->role, Keep::kQuotes),
                            status->keys, status->revision));
  } else {
    console.Complain(FailureText("status", status.failure(), Effect::kReads));
  }
  console.Say("help shows the verbs, Tab completes, \\q leaves");
}

}  // namespace tripla::cli
