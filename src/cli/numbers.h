// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripla::cli {

// Decimal numbers of flags; `what` names the flag in the error. Errors: InvalidArgument.
[[nodiscard]] absl::StatusOr<int64_t> ParseSigned(std::string_view text, std::string_view what);
[[nodiscard]] absl::StatusOr<uint64_t> ParseUnsigned(std::string_view text, std::string_view what);

}  // namespace tripla::cli
