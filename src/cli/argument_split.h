// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tripla::cli {

// The arguments of the program, divided in those that set it up and the words of a statement.
struct SplitArguments {
  std::vector<std::string> flags;  // with their values
  std::vector<std::string> words;
};

// What the program knows a flag as.
enum class FlagKind { kUnknown, kAlone, kWithValue };

// Flags may stand before the verb and behind it; what belongs to the verb goes to the verb, as do
// negative numbers and everything behind "--". `kind_of` tells about "--server" and "-o".
[[nodiscard]] SplitArguments Split(const std::vector<std::string>& arguments,
                                   const std::function<FlagKind(const std::string&)>& kind_of);

}  // namespace tripla::cli
