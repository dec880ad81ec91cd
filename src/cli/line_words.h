// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tripla::cli {

// Splits a statement of the shell, of a script or of a batch file into words, line by line:
//
//   set 1 'two words'          ->  set, 1, two words
//   set 1 "tab\there \x00"     ->  set, 1, and the bytes
//   set 1 {"a":1}              ->  set, 1, {"a":1}
//   get 1;  # a comment        ->  get, 1
//
// docs/cli.md has the rules in one table. A line is bytes: nothing is said about their encoding.
//
// Thread-safety: none.
class WordSplitter {
 public:
  // Reads the next line of the statement, without its end. While quote_open() the statement goes on
  // with another line, and the line end belongs to the word.
  //
  // Errors: InvalidArgument, which names the column (from 1, in bytes). The splitter is then of no
  // further use.
  [[nodiscard]] absl::Status Add(std::string_view line);

  // The quote that is open, ' or "; 0 when none is, and the statement is whole.
  [[nodiscard]] char quote_open() const;

  // The words of a whole statement.
  // Errors: InvalidArgument when a quote is still open, or when it is unclear whether a semicolon
  // at the end belongs to the data.
  [[nodiscard]] absl::StatusOr<std::vector<std::string>> Take();

 private:
  enum class In { kBlanks, kWord, kSingleQuotes, kDoubleQuotes, kClosedQuotes };

  absl::Status Read(char c);
  absl::Status ReadEscape();
  void Open(In quotes);
  void EndWord();
  [[nodiscard]] std::string Column(size_t line, size_t at) const;

  In in_ = In::kBlanks;
  std::string word_;
  std::vector<std::string> words_;
  bool quoted_ = false;  // the last word
  std::string_view line_;
  size_t lines_ = 0;
  size_t at_ = 0;  // in `line_`
  size_t opened_line_ = 0;
  size_t opened_at_ = 0;
};

using Words = std::vector<std::string>;

// Splits a whole statement. Errors: as WordSplitter's.
[[nodiscard]] absl::StatusOr<Words> SplitLine(std::string_view statement);

// Puts the lines of a text together to statements: one a line, or more lines while a quote is open.
//
// Thread-safety: none.
class StatementLines {
 public:
  // Takes the next line, without its end. Returns the words of the statement that ends with it, or
  // what is wrong with it; nullopt when it goes on in the next line.
  [[nodiscard]] std::optional<absl::StatusOr<Words>> Add(std::string_view line);

  // To be asked at the end of the text. Errors: InvalidArgument when a quote is still open.
  [[nodiscard]] absl::Status End();

  // Forgets the lines of a statement that is not whole.
  void Reset() { splitter_ = WordSplitter(); }

  [[nodiscard]] char quote_open() const { return splitter_.quote_open(); }
  [[nodiscard]] size_t lines() const { return line_; }  // that were taken
  // The number of the line, from 1, with which the last statement began.
  [[nodiscard]] size_t first_line() const { return first_line_; }

 private:
  WordSplitter splitter_;
  size_t line_ = 0;
  size_t first_line_ = 1;
};

}  // namespace tripla::cli
