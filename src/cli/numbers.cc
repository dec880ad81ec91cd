// SPDX-License-Identifier: Apache-2.0
#include "cli/numbers.h"

#include <fmt/core.h>

#include <charconv>
#include <limits>

namespace tripla::cli {
namespace {

template <typename Number>
absl::StatusOr<Number> Parse(std::string_view text, std::string_view what) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && rest == end) return number;
  return absl::InvalidArgumentError(fmt::format("{} takes an integer from {} to {}, not \"{}\"",
                                                what, std::numeric_limits<Number>::min(),
                                                std::numeric_limits<Number>::max(), text));
}

}  // namespace

absl::StatusOr<int64_t> ParseSigned(std::string_view text, std::string_view what) {
  return Parse<int64_t>(text, what);
}

absl::StatusOr<uint64_t> ParseUnsigned(std::string_view text, std::string_view what) {
  return Parse<uint64_t>(text, what);
}

}  // namespace tripla::cli
