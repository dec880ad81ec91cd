// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tripla::cli {

// Splits a line of the shell, of a script or of a batch file into words.
//
//   set 1 'two words'          ->  set, 1, two words
//   set 1 "tab\there \x00"     ->  set, 1, and the bytes
//   get 1   # a comment        ->  get, 1
//
// Words are separated by blanks. '...' takes everything as it is; "..." knows the escapes \" \\ \n
// \r \t and \xHH; outside quotes everything but blanks and quotes stands for itself, a backslash
// too. Pieces that touch are one word, and "" is an empty word. A # at the beginning of a word
// starts a comment. A line is bytes: nothing is said about their encoding.
//
// Errors: InvalidArgument, which names the column (from 1, in bytes).
[[nodiscard]] absl::StatusOr<std::vector<std::string>> SplitLine(std::string_view line);

}  // namespace tripla::cli
