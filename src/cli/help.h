// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace tripla::cli {

// Help on `verb`, or on all when it is empty, with the last line end.
[[nodiscard]] std::string HelpText(std::string_view verb);

// The part of the program's own help that does not tell of flags.
[[nodiscard]] std::string ProgramHelpText();

}  // namespace tripla::cli
