// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tripla::cli {

// What can stand where the last word of `line` stands, given how it begins: verbs, their flags,
// the commands of the shell, and files behind @ and `batch`. In the order help shows them.
// Blocking: reads a directory.
[[nodiscard]] std::vector<std::string> Completions(std::string_view line);

// The last word of `line`, up to its end.
[[nodiscard]] std::string_view LastWord(std::string_view line);

// What all of `words` begin with.
[[nodiscard]] std::string CommonStart(const std::vector<std::string>& words);

}  // namespace tripla::cli
