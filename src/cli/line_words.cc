// SPDX-License-Identifier: Apache-2.0
#include "cli/line_words.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "cli/spelling.h"

namespace tripla::cli {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Whether a quote behind `start` is likely meant to quote the rest: other shells read it so. Kept
// as it is typed, it would silently become part of the data.
bool LooksLikeQuoting(std::string_view start) {
  constexpr std::array<std::string_view, 4> kForms{"@", "text:", "hex:", "b64:"};
  const bool flag = start.starts_with("--") && start.ends_with('=');
  return flag || std::ranges::find(kForms, start) != kForms.end();
}

bool TakesData(std::string_view verb) { return IsSameWord(verb, "set") || IsSameWord(verb, "cas"); }

// Removes the semicolon that users of SQL put at the end. Requires that the last word is unquoted.
absl::Status DropSemicolon(std::vector<std::string>& words) {
  std::string& last = words.back();
  if (!last.ends_with(';')) return absl::OkStatus();
  const bool flag = last.starts_with("--");
  const bool value_of_flag = words.size() > 1 && words[words.size() - 2].starts_with("--") &&
                             words[words.size() - 2].size() > 2;
  if (last.size() > 1 && words.size() > 2 && TakesData(words[0]) && !flag && !value_of_flag) {
    return absl::InvalidArgumentError(
        fmt::format("it is unclear whether the ; at the end of {0} belongs to the data; write "
                    "'{0}' if it does, and put a blank before it if not",
                    last));
  }
  last.pop_back();
  if (last.empty()) words.pop_back();
  return absl::OkStatus();
}

}  // namespace

absl::Status WordSplitter::Add(std::string_view line) {
  if (quote_open() != 0) word_ += '\n';
  line_ = line;
  ++lines_;
  for (at_ = 0; at_ < line_.size(); ++at_) {
    if (in_ == In::kBlanks && line_[at_] == '#') return absl::OkStatus();
    TRIPLA_RETURN_IF_ERROR(Read(line_[at_]));
  }
  if (quote_open() == 0) EndWord();
  return absl::OkStatus();
}

char WordSplitter::quote_open() const {
  if (in_ == In::kSingleQuotes) return '\'';
  return in_ == In::kDoubleQuotes ? '"' : '\0';
}

absl::Status WordSplitter::Read(char c) {
  switch (in_) {
    case In::kSingleQuotes:
      if (c == '\'') {
        in_ = In::kClosedQuotes;
      } else {
        word_ += c;
      }
      return absl::OkStatus();
    case In::kDoubleQuotes:
      if (c == '\\') return ReadEscape();
      if (c == '"') {
        in_ = In::kClosedQuotes;
      } else {
        word_ += c;
      }
      return absl::OkStatus();
    case In::kClosedQuotes:
      if (!IsBlank(c) && c != ';') {
        return absl::InvalidArgumentError(
            fmt::format("{} stands right behind a closing quote; a quoted word ends with its "
                        "quote: \"...\" has \\\" for a quote inside, and '...' takes all but '",
                        Column(lines_, at_)));
      }
      EndWord();
      [[fallthrough]];
    case In::kBlanks:
      if (IsBlank(c)) return absl::OkStatus();
      quoted_ = c == '\'' || c == '"';
      if (quoted_) {
        Open(c == '"' ? In::kDoubleQuotes : In::kSingleQuotes);
      } else {
        in_ = In::kWord;
        word_ += c;
      }
      return absl::OkStatus();
    case In::kWord:
      if (IsBlank(c)) {
        EndWord();
        return absl::OkStatus();
      }
      if ((c == '\'' || c == '"') && LooksLikeQuoting(word_)) {
        return absl::InvalidArgumentError(
            fmt::format("the quote at {} stands inside a word; put the whole word between quotes, "
                        "{} too",
                        Column(lines_, at_), word_));
      }
      word_ += c;
  }
  return absl::OkStatus();
}

// Begins at the backslash and ends at the last character of the escape.
absl::Status WordSplitter::ReadEscape() {
  constexpr std::string_view kEscapes = "\"\\nrt";
  constexpr std::string_view kMeanings = "\"\\\n\r\t";
  const size_t begin = at_++;
  const char c = at_ < line_.size() ? line_[at_] : '\0';
  if (const size_t which = kEscapes.find(c); which != std::string_view::npos) {
    word_ += kMeanings[which];
    return absl::OkStatus();
  }
  if (c == 'x' && line_.size() - at_ > 2) {
    const std::optional<int> high = HexDigit(line_[at_ + 1]);
    const std::optional<int> low = HexDigit(line_[at_ + 2]);
    at_ += 2;
    if (high && low) {
      word_ += static_cast<char>(*high * 16 + *low);
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(fmt::format(
      "unknown escape at {}; between double quotes there are \\\" \\\\ \\n \\r \\t \\xHH, and "
      "single quotes take everything as it is",
      Column(lines_, begin)));
}

void WordSplitter::Open(In quotes) {
  in_ = quotes;
  opened_line_ = lines_;
  opened_at_ = at_;
}

void WordSplitter::EndWord() {
  if (in_ != In::kBlanks) words_.push_back(std::exchange(word_, ""));
  in_ = In::kBlanks;
}

std::string WordSplitter::Column(size_t line, size_t at) const {
  const std::string column = fmt::format("column {}", at + 1);
  return line == 1 ? column : fmt::format("{} of the statement's line {}", column, line);
}

absl::StatusOr<std::vector<std::string>> WordSplitter::Take() {
  if (const char quote = quote_open(); quote != 0) {
    return absl::InvalidArgumentError(
        fmt::format("the quote {} at {} is not closed", quote, Column(opened_line_, opened_at_)));
  }
  if (!words_.empty() && !quoted_) TRIPLA_RETURN_IF_ERROR(DropSemicolon(words_));
  return std::move(words_);
}

absl::StatusOr<Words> SplitLine(std::string_view statement) {
  WordSplitter splitter;
  while (true) {
    const size_t end = std::min(statement.find('\n'), statement.size());
    TRIPLA_RETURN_IF_ERROR(splitter.Add(statement.substr(0, end)));
    if (end == statement.size()) return splitter.Take();
    statement.remove_prefix(end + 1);
  }
}

std::optional<absl::StatusOr<Words>> StatementLines::Add(std::string_view line) {
  ++line_;
  if (quote_open() == 0) first_line_ = line_;
  const absl::Status added = splitter_.Add(line);
  if (added.ok() && quote_open() != 0) return std::nullopt;
  WordSplitter whole = std::exchange(splitter_, WordSplitter());
  if (!added.ok()) return added;
  return whole.Take();
}

absl::Status StatementLines::End() {
  WordSplitter rest = std::exchange(splitter_, WordSplitter());
  return rest.Take().status();
}

}  // namespace tripla::cli
