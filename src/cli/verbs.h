// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace tripla::cli {

// What the shell knows about a verb: one table for the grammar, the help and the completion.
struct Verb {
  std::string_view name;
  std::string_view usage;    // its words, as help shows them
  std::string_view summary;  // one line
  std::string_view details;  // further lines of its own help
  size_t least_words;        // besides flags
  size_t most_words;
  std::span<const std::string_view> flags;  // each takes a value
};

// In the order help shows them.
[[nodiscard]] std::span<const Verb> Verbs();

// Upper and lower case are the same. Null when there is none.
[[nodiscard]] const Verb* FindVerb(std::string_view name);

// The verb that somebody probably meant who wrote `word`, which is none; empty when it resembles no
// verb.
[[nodiscard]] std::string_view VerbMeantBy(std::string_view word);

}  // namespace tripla::cli
