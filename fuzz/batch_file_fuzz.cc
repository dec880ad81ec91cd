// SPDX-License-Identifier: Apache-2.0
//
// Batch files: one operation a line, and an error names the line it stands on.
#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/check.h"
#include "cli/batch_file.h"
#include "cli/line_words.h"

namespace tripla::cli {
namespace {

const StatementContext kContext{.standard_input = nullptr, .now = [] { return 0; }};

bool NamesFile(const Words& words) {
  return std::ranges::any_of(words, [](const std::string& word) { return word.starts_with('@'); });
}

void CheckFile(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  StatementLines statements;
  ptrdiff_t expected = 0;
  for (const std::string& line : lines) {
    const auto words = statements.Add(line);
    if (!words || !words->ok() || (*words)->empty()) continue;
    if (NamesFile(**words)) return;  // no files from here
    ++expected;
  }
  const absl::StatusOr<std::vector<Operation>> operations = ParseBatch(text, "file", kContext);
  if (operations.ok()) {
    TRIPLA_CHECK(static_cast<ptrdiff_t>(operations->size()) == expected,
                 "a statement, an operation");
    return;
  }
  const std::string said(operations.status().message());
  if (said == "file has no operations") return;
  size_t number = 1;
  while (number <= lines.size() && !said.starts_with(fmt::format("file, line {}: ", number))) {
    ++number;
  }
  TRIPLA_CHECK(number <= lines.size(), "a line is named");
  TRIPLA_CHECK(!ParseBatch(lines[number - 1], "line", kContext).ok(), "the one that is wrong");
  std::string before;
  for (size_t i = 0; i + 1 < number; ++i) before += lines[i] + "\n";
  const absl::Status sound = ParseBatch(before + "get 1", "before", kContext).status();
  TRIPLA_CHECK(sound.ok(), "and the first such");
}

}  // namespace
}  // namespace tripla::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tripla::cli::CheckFile(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
