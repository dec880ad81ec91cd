// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace tripla::cli {

// Whether two words of ASCII are the same but for upper and lower case.
[[nodiscard]] bool IsSameWord(std::string_view a, std::string_view b);

// The one of `names` that `word` is probably a misspelling of, upper and lower case aside: at most
// one or two letters are wrong, missing, too many or in the wrong order. Empty when there is none.
[[nodiscard]] std::string_view NearestOf(std::string_view word,
                                         std::span<const std::string_view> names);

}  // namespace tripla::cli
