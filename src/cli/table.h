// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace tripla::cli {

// Text in columns, each as wide as its widest cell. Cells are printable UTF-8. The last cell of a
// row widens no column.
class Table {
 public:
  explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}

  // `row` has as many cells as the header, or fewer.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  [[nodiscard]] size_t columns() const { return rows_.front().size(); }
  [[nodiscard]] std::string Text() const;
  // The same where other rows stand above: each column is at least as wide as `widths` says, which
  // has the new widths then. The header is shown when nothing stands above: `header` says so.
  enum class Header { kShown, kAbove };
  [[nodiscard]] std::string Text(std::vector<size_t>& widths, Header header) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tripla::cli
