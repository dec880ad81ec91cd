// SPDX-License-Identifier: Apache-2.0
#include "cli/shell.h"

#include <fmt/core.h>

#include <chrono>

#include "absl/strings/str_join.h"
#include "cli/error_text.h"
#include "cli/escape.h"

namespace tripla::cli {

ExitCode RunShell(LineEditor& editor, Interpreter& interpreter, Console& console) {
  std::string line;
  while (true) {
    switch (editor.ReadLine(line)) {
      case LineEditor::Ending::kInterrupted:
        break;
      case LineEditor::Ending::kNoMore:
        console.Say("");  // so that what comes next has a line of its own
        return ExitCode::kSuccess;
      case LineEditor::Ending::kLine:
        if (!interpreter.RunLine(line, "")) return ExitCode::kSuccess;
    }
  }
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
