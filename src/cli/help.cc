// SPDX-License-Identifier: Apache-2.0
#include "cli/help.h"

#include <fmt/core.h>

#include "cli/verbs.h"

namespace tripla::cli {
namespace {

constexpr std::string_view kForms = R"(
Keys are integers of any size:  42  -12  007  0xff  -0xff  10_000
                                uuid:123e4567-e89b-12d3-a456-426614174000
Data:  lala  'two words'  "line\n"  @FILE  -  hex:00ff  b64:bGFsYQ==  text:@lala
       (- is standard input; text: takes the rest as it is)
In the shell and in scripts a quoted text may go on over lines, and a quote inside a word
stands for itself: {"a":1}
)";

constexpr std::string_view kShellCommands = R"(
In the shell and in scripts also:
  \o FORMAT          print answers as plain, json, table or raw
  \timing [on|off]   say how long each call took
  \q                 leave
)";

constexpr std::string_view kExamples = R"(
Examples:
  set 1 lala                   create entry 1; its version is 1
  get 1
  cas 1 lele --version 1       replace it if it still has version 1
  del 1 --version 2            remove it if it has version 2
)";

constexpr std::string_view kExitCodes = R"(
Exit codes:
  0 SUCCESS   3 ERROR   4 ERROR_NE   5 ERROR_WV
  1 internal  2 usage   6 surely not applied   7 outcome unknown   8 not allowed
  9 overloaded or read-only   10 data damaged   130 interrupted
)";

std::string VerbList() {
  std::string text = "Verbs:\n";
  for (const Verb& verb : Verbs()) text += fmt::format("  {:<58} {}\n", verb.usage, verb.summary);
  return text;
}

}  // namespace

std::string HelpText(std::string_view verb) {
  if (const Verb* found = FindVerb(verb)) {
    return fmt::format("{}: {}\n{}", found->usage, found->summary, found->details);
  }
  return fmt::format("{}{}{}{}", VerbList(), kForms, kShellCommands, kExamples);
}

std::string ProgramHelpText() {
  return fmt::format("{}{}{}{}{}", VerbList(), kForms, kShellCommands, kExamples, kExitCodes);
}

}  // namespace tripla::cli
