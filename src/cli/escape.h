// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tripla::cli {

// How many bytes at the beginning of `bytes`, which is not empty, are one character that is safe to
// show: well-formed UTF-8, and no control character. Those of C1 count as control characters, and
// so do the ones that turn the direction of writing or break lines: they can make a terminal show
// what is not there. 0 when there is none.
[[nodiscard]] size_t PrintableLength(std::string_view bytes);

// True when all of `bytes` is such characters, tabs and line ends.
[[nodiscard]] bool IsText(std::string_view bytes);

// What Escape() leaves as it is besides printable characters.
enum class Keep {
  kNothing,   // it escapes " and \ too, so that the text can stand between quotes
  kQuotes,    // " and \, for text that stands by itself on one line
  kLineEnds,  // these, "\n" and "\t", for text of many lines
};

// Shows any bytes safely: what is not printable as \n, \r, \t or \xHH.
[[nodiscard]] std::string Escape(std::string_view bytes, Keep keep);

// How many characters well-formed UTF-8 has.
[[nodiscard]] size_t CharacterCount(std::string_view text);

// `text` between quotes, cut when it has more than `characters_max`; then its size is said.
[[nodiscard]] std::string QuotedStart(std::string_view bytes, size_t characters_max);

}  // namespace tripla::cli
