// SPDX-License-Identifier: Apache-2.0
#include "base/quantity.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <optional>

namespace tripla {
namespace {

struct Unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array<Unit, 4> kDurationUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}}};
constexpr std::array<Unit, 6> kSizeUnits = {{{"", 1},
                                             {"B", 1},
                                             {"KiB", uint64_t{1} << 10},
                                             {"MiB", uint64_t{1} << 20},
                                             {"GiB", uint64_t{1} << 30},
                                             {"TiB", uint64_t{1} << 40}}};
// Far below the largest int64_t in any unit.
constexpr double kMax = 1e15;

// Reads "NUMBERUNIT", without sign or space; the result is in the smallest unit.
template <size_t kCount>
std::optional<uint64_t> ParseQuantity(std::string_view text,
                                      const std::array<Unit, kCount>& units) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [unit_start, error] =
      std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0) || text[0] == '-') return std::nullopt;
  const std::string_view name(unit_start, end - unit_start);
  for (const Unit& unit : units) {
    if (name != unit.name) continue;
    const double value = number * static_cast<double>(unit.factor);
    if (value > kMax) return std::nullopt;
    return static_cast<uint64_t>(value + 0.5);
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::chrono::milliseconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (const std::optional<uint64_t> value = ParseQuantity(text, kDurationUnits)) {
    return std::chrono::milliseconds(*value);
  }
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is not a duration; write 200ms, 1.5s, 30s, 5m or 2h", text));
}

std::string DurationText(std::chrono::milliseconds duration) {
  const int64_t ms = duration.count();
  if (ms % 1000 != 0) return fmt::format("{}ms", ms);
  return fmt::format("{}s", ms / 1000);
}

absl::StatusOr<uint64_t> ParseByteSize(std::string_view text) {
  if (const std::optional<uint64_t> value = ParseQuantity(text, kSizeUnits)) return *value;
  return absl::InvalidArgumentError(
      fmt::format("\"{}\" is not a size; write 4096, 64KiB, 16MiB or 1GiB", text));
}

std::string ByteSizeText(uint64_t bytes) {
  size_t unit = 1;
  while (unit + 1 < kSizeUnits.size() && bytes >= kSizeUnits[unit + 1].factor) ++unit;
  const uint64_t factor = kSizeUnits[unit].factor;
  if (bytes % factor == 0) return fmt::format("{} {}", bytes / factor, kSizeUnits[unit].name);
  return fmt::format("{:.1f} {}", static_cast<double>(bytes) / static_cast<double>(factor),
                     kSizeUnits[unit].name);
}

}  // namespace tripla
