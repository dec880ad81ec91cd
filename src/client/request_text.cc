// SPDX-License-Identifier: Apache-2.0
#include "client/request_text.h"

#include <fmt/core.h>

#include <charconv>

#include "model/limits.h"

namespace tripla {
namespace {

constexpr size_t kClientDigits = 2 * limits::kClientIdBytes;

// Succeeds only if all of `text` is a number.
template <typename Number>
bool Read(std::string_view text, int base, Number* number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, *number, base);
  return error == std::errc() && rest == end;
}

std::optional<std::string> ReadClient(std::string_view digits) {
  std::string client;
  for (size_t i = 0; i < digits.size(); i += 2) {
    uint8_t byte = 0;
    if (!Read(digits.substr(i, 2), 16, &byte)) return std::nullopt;
    client += static_cast<char>(byte);
  }
  return client;
}

}  // namespace

std::string ToText(const RequestRange& range) {
  std::string text;
  for (const char byte : range.client) text += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  text += fmt::format("-{}", range.first);
  if (range.count > 1) text += fmt::format("..{}", range.first + range.count - 1);
  return text;
}

std::optional<RequestRange> ParseRequestRange(std::string_view text) {
  if (text.size() < kClientDigits + 2 || text[kClientDigits] != '-') return std::nullopt;
  const std::optional<std::string> client = ReadClient(text.substr(0, kClientDigits));
  const std::string_view numbers = text.substr(kClientDigits + 1);
  const size_t dots = numbers.find("..");
  uint64_t first = 0;
  uint64_t last = 0;
  if (!client || !Read(numbers.substr(0, dots), 10, &first)) return std::nullopt;
  if (dots == numbers.npos) {
    last = first;
  } else if (!Read(numbers.substr(dots + 2), 10, &last)) {
    return std::nullopt;
  }
  if (first == 0 || last < first || last - first >= limits::kBatchOperationsMax) {
    return std::nullopt;
  }
  return RequestRange{*client, first, last - first + 1};
}

}  // namespace tripla
