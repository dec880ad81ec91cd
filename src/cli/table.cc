// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>

#include "cli/escape.h"

namespace tripla::cli {

std::string Table::Text() const {
  std::vector<size_t> widths;
  return Text(widths, Header::kShown);
}

std::string Table::Text(std::vector<size_t>& widths, Header header) const {
  widths.resize(std::max(widths.size(), columns()), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      widths[i] = std::max(widths[i], CharacterCount(row[i]));
    }
  }
  std::string text;
  for (size_t at = header == Header::kShown ? 0 : 1; at < rows_.size(); ++at) {
    const std::vector<std::string>& row = rows_[at];
    for (size_t i = 0; i + 1 < row.size(); ++i) {
      text += row[i] + std::string(widths[i] - CharacterCount(row[i]) + 2, ' ');
    }
    text += row.back() + "\n";  // not padded: no blanks at the end of a line
  }
  return text;
}

}  // namespace tripla::cli
