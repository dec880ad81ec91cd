// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "client/effect.h"
#include "tripla/answer.h"

namespace tripla::cli {

// Says what failed ("set 42"), why, whether it may have happened, and what to do next. One line,
// without its end, safe to show.
[[nodiscard]] std::string FailureText(std::string_view what, const Failure& failure, Effect effect);

}  // namespace tripla::cli
