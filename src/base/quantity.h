// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripla {

// Reads a duration: "200ms", "1.5s", "30s", "5m", "2h"; "0" needs no unit. Errors: InvalidArgument,
// which shows the forms.
[[nodiscard]] absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text);

// Writes a duration so that ParseDuration() reads it back: "200ms", "30s".
[[nodiscard]] std::string DurationText(std::chrono::milliseconds duration);

// Reads a size in bytes: "4096", "512B", "64KiB", "16MiB", "1GiB", "1TiB".
// Errors: InvalidArgument, which shows the forms.
[[nodiscard]] absl::StatusOr<uint64_t> ParseByteSize(std::string_view text);

// Writes a size for messages, exact or with one digit after the point: "16 MiB", "1.5 KiB".
[[nodiscard]] std::string ByteSizeText(uint64_t bytes);

}  // namespace tripla
