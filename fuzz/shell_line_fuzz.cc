// SPDX-License-Identifier: Apache-2.0
//
// Lines that a person, a script or a batch file may hold, and everything shown of them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "cli/completion.h"
#include "cli/escape.h"
#include "cli/line_words.h"
#include "cli/statement.h"

namespace tripla::cli {
namespace {

void CheckShown(std::string_view bytes) {
  TRIPLA_CHECK(IsText(Escape(bytes, Keep::kNothing)), "what is shown is printable");
  TRIPLA_CHECK(IsText(Escape(bytes, Keep::kLineEnds)), "what is shown is printable");
  TRIPLA_CHECK(CharacterCount(QuotedStart(bytes, 8)) <= 8 + 40, "what is cut is short");
}

void CheckLine(std::string_view line) {
  for (const std::string& choice : Completions(line)) {
    TRIPLA_CHECK(choice.starts_with(LastWord(line)), "a completion goes on from what is there");
  }
  const auto words = SplitLine(line);
  if (!words.ok() || words->empty()) return;
  const auto names_file = [](const std::string& word) { return word.starts_with('@'); };
  if (std::any_of(words->begin(), words->end(), names_file)) return;  // no files from here
  (void)ParseStatement(*words, {.standard_input = nullptr, .now = [] { return 0; }});
}

}  // namespace
}  // namespace tripla::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tripla::cli::CheckShown(bytes);
  tripla::cli::CheckLine(bytes);
  return 0;
}
