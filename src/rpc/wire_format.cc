// SPDX-License-Identifier: Apache-2.0
#include "rpc/wire_format.h"

#include <google/protobuf/message_lite.h>

#include <algorithm>
#include <charconv>

#include "absl/strings/escaping.h"

namespace tripla::rpc {
namespace {

// Messages are shorter than 2^31 (protobuf), so no sum here overflows.
void WritePrefix(uint32_t message_bytes, char* to) {
  to[0] = 0;
  for (int i = 0; i < 4; ++i) to[1 + i] = static_cast<char>(message_bytes >> (24 - 8 * i));
}

bool IsPlain(char c) { return c >= ' ' && c <= '~' && c != '%'; }

}  // namespace

bool IsBinaryName(std::string_view name) {
  constexpr std::string_view kSuffix = "-bin";
  return name.size() >= kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix;
}

std::optional<Prefix> ReadPrefix(std::string_view bytes) {
  const auto byte = [bytes](size_t i) { return static_cast<uint32_t>(bytes[i]) & 0xff; };
  if (byte(0) > 1) return std::nullopt;
  return Prefix{.compressed = byte(0) == 1,
                .message_bytes = byte(1) << 24 | byte(2) << 16 | byte(3) << 8 | byte(4)};
}

std::string Encode(const google::protobuf::MessageLite& message) {
  const size_t bytes = message.ByteSizeLong();
  std::string encoded(kPrefixBytes + bytes, '\0');
  WritePrefix(static_cast<uint32_t>(bytes), encoded.data());
  message.SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(&encoded[kPrefixBytes]));
  return encoded;
}

std::optional<std::chrono::nanoseconds> ParseTimeout(std::string_view text) {
  constexpr size_t kDigitsMax = 8;
  if (text.size() < 2 || text.size() > kDigitsMax + 1) return std::nullopt;
  int64_t count = 0;
  const char* const unit = text.data() + text.size() - 1;
  const auto [end, error] = std::from_chars(text.data(), unit, count);
  if (error != std::errc() || end != unit || text.front() == '-') return std::nullopt;
  switch (*unit) {
    case 'H':
      // The longest that a signed 64-bit count of nanoseconds holds is 292 years.
      return std::chrono::hours(std::min<int64_t>(count, 2'000'000));
    case 'M':
      return std::chrono::minutes(count);
    case 'S':
      return std::chrono::seconds(count);
    case 'm':
      return std::chrono::milliseconds(count);
    case 'u':
      return std::chrono::microseconds(count);
    case 'n':
      return std::chrono::nanoseconds(count);
    default:
      return std::nullopt;
  }
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    if (IsPlain(c)) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4], kHex[byte & 0xf]};
    }
  }
  return encoded;
}

std::string Base64Encode(std::string_view bytes) {
  std::string text = absl::Base64Escape({bytes.data(), bytes.size()});
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

std::optional<std::string> Base64Decode(std::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape({text.data(), text.size()}, &bytes)) return std::nullopt;
  return bytes;
}

}  // namespace tripla::rpc
