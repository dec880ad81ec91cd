// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace tripla::cli {

// Reads HOST:PORT, as flags name a server. Errors: InvalidArgument, which shows the form.
[[nodiscard]] absl::StatusOr<std::string> ParseEndpoint(const std::string& text);

}  // namespace tripla::cli
