// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "tripla/answer.h"

namespace tripla::cli {

// Whether what failed could have written.
enum class Effect { kReads, kWrites };

// Says what failed ("set 42"), why, whether it may have happened, and what to do next. One line,
// without its end, safe to show.
[[nodiscard]] std::string FailureText(std::string_view what, const Failure& failure, Effect effect);

}  // namespace tripla::cli
