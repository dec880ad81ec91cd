// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output_format.h"
#include "tripla/answer.h"
#include "tripla/key.h"

namespace tripla::cli {

// An answer and the key that it is about.
struct KeyedAnswer {
  Key key;
  Decided decided;
};

// SUCCESS, ERROR, ERROR_NE, ERROR_WV.
[[nodiscard]] std::string_view NameOf(Result result);

// Answers as standard output gets them, with the last line end. Only kRaw to a pipe holds the data
// byte for byte; all else is safe to show on a terminal.
[[nodiscard]] std::string AnswersText(std::span<const KeyedAnswer> answers, OutputFormat format,
                                      Destination destination);

// What raw shows: `data` byte for byte, or escaped and with a line end on a terminal.
[[nodiscard]] std::string RawText(const std::string& data, Destination destination);

// The table of a shell or a script, which grows by the answers of one statement after the other:
// its header is shown once.
class GrowingTable {
 public:
  [[nodiscard]] std::string Text(std::span<const KeyedAnswer> answers);
  // Something else was printed: what comes next is a new table.
  void End() { widths_.clear(); }

 private:
  std::vector<size_t> widths_;  // empty: no table has begun
};

}  // namespace tripla::cli
