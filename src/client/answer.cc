// SPDX-License-Identifier: Apache-2.0
#include "tripla/answer.h"

#include <fmt/core.h>

namespace tripla {

std::string Failure::ToText() const {
  return fmt::format("{}: {} ({})", absl::StatusCodeToString(code), message,
                     applied == Applied::kNo ? "surely not applied" : "may have been applied");
}

}  // namespace tripla
