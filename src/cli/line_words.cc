// SPDX-License-Identifier: Apache-2.0
#include "cli/line_words.h"

#include <fmt/core.h>

#include <optional>

#include "base/status_macros.h"

namespace tripla::cli {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Reads a line from left to right.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : line_(line) {}

  // Moves to the next word; false at the end of the line or at a comment.
  bool FindWord() {
    while (!AtEnd() && IsBlank(line_[at_])) ++at_;
    return !AtEnd() && line_[at_] != '#';
  }

  absl::StatusOr<std::string> Word() {
    std::string word;
    while (!AtEnd() && !IsBlank(line_[at_])) {
      const char c = line_[at_++];
      if (c == '\'') {
        TRIPLA_RETURN_IF_ERROR(SingleQuoted(word));
      } else if (c == '"') {
        TRIPLA_RETURN_IF_ERROR(DoubleQuoted(word));
      } else {
        word += c;
      }
    }
    return word;
  }

 private:
  [[nodiscard]] bool AtEnd() const { return at_ == line_.size(); }

  // Both begin behind the opening quote and end behind the closing one.
  absl::Status SingleQuoted(std::string& word) {
    const size_t close = line_.find('\'', at_);
    if (close == std::string_view::npos) return NotClosed('\'', at_);
    word += line_.substr(at_, close - at_);
    at_ = close + 1;
    return absl::OkStatus();
  }

  absl::Status DoubleQuoted(std::string& word) {
    const size_t opened = at_;
    while (!AtEnd()) {
      const char c = line_[at_++];
      if (c == '"') return absl::OkStatus();
      if (c == '\\') {
        TRIPLA_RETURN_IF_ERROR(Escape(word));
      } else {
        word += c;
      }
    }
    return NotClosed('"', opened);
  }

  absl::Status Escape(std::string& word) {
    const size_t column = at_;
    const char c = AtEnd() ? '\0' : line_[at_++];
    switch (c) {
      case '"':
      case '\\':
        word += c;
        return absl::OkStatus();
      case 'n':
        word += '\n';
        return absl::OkStatus();
      case 'r':
        word += '\r';
        return absl::OkStatus();
      case 't':
        word += '\t';
        return absl::OkStatus();
      case 'x':
        if (line_.size() - at_ >= 2) {
          const std::optional<int> high = HexDigit(line_[at_]);
          const std::optional<int> low = HexDigit(line_[at_ + 1]);
          at_ += 2;
          if (high && low) {
            word += static_cast<char>(*high * 16 + *low);
            return absl::OkStatus();
          }
        }
        [[fallthrough]];
      default:
        return absl::InvalidArgumentError(fmt::format(
            "unknown escape at column {}; between double quotes there are \\\" \\\\ \\n \\r \\t "
            "\\xHH, and single quotes take everything as it is",
            column));
    }
  }

  static absl::Status NotClosed(char quote, size_t column) {
    return absl::InvalidArgumentError(
        fmt::format("the quote {} at column {} is not closed", quote, column));
  }

  std::string_view line_;
  size_t at_ = 0;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> SplitLine(std::string_view line) {
  std::vector<std::string> words;
  LineReader reader(line);
  while (reader.FindWord()) {
    TRIPLA_ASSIGN_OR_RETURN(std::string word, reader.Word());
    words.push_back(std::move(word));
  }
  return words;
}

}  // namespace tripla::cli
