// SPDX-License-Identifier: Apache-2.0
#include "tripla/key.h"

#include <fmt/core.h>

#include <cstdint>
#include <utility>

namespace tripla {
namespace {

// The ordered form is a header, then the canonical two's complement bytes. The header grows with
// the length of a number that is not negative and falls with that of a negative one. Numbers with
// the same header have the same length and sign, and their two's complement bytes compare rightly.
//
//   length 1..123, not negative   80 + length
//   longer, not negative          FC, then the length in 3 bytes, big-endian
//   length 1..123, negative       7F - length
//   longer, negative              03, then FFFFFF - length in 3 bytes, big-endian
constexpr size_t kShortLengthMax = 123;
constexpr uint8_t kLongHeader = 0xFC;
constexpr uint8_t kLongNegativeHeader = 0x03;
constexpr size_t kLongHeaderBytes = 4;

bool IsNegative(std::string_view twos_complement) {
  return (static_cast<uint8_t>(twos_complement[0]) & 0x80) != 0;
}

// Whether the first byte repeats the sign of the rest.
bool HasRedundantSign(std::string_view bytes) {
  if (bytes.size() < 2) return false;
  const uint8_t sign = static_cast<uint8_t>(bytes[0]);
  const bool next_is_negative = IsNegative(bytes.substr(1));
  return (sign == 0x00 && !next_is_negative) || (sign == 0xFF && next_is_negative);
}

std::string Ordered(std::string_view canonical) {
  const bool negative = IsNegative(canonical);
  std::string ordered;
  ordered.reserve(canonical.size() + kLongHeaderBytes);
  if (canonical.size() <= kShortLengthMax) {
    ordered += static_cast<char>(negative ? 0x7F - canonical.size() : 0x80 + canonical.size());
  } else {
    const uint32_t length = static_cast<uint32_t>(canonical.size());
    const uint32_t field = negative ? 0xFFFFFF - length : length;
    ordered += static_cast<char>(negative ? kLongNegativeHeader : kLongHeader);
    ordered += static_cast<char>(field >> 16);
    ordered += static_cast<char>(field >> 8);
    ordered += static_cast<char>(field);
  }
  ordered += canonical;
  return ordered;
}

size_t HeaderBytes(std::string_view ordered) {
  const uint8_t first = static_cast<uint8_t>(ordered[0]);
  return first == kLongHeader || first == kLongNegativeHeader ? kLongHeaderBytes : 1;
}

}  // namespace

Key::Key() : ordered_bytes_(Ordered(std::string_view("\0", 1))) {}

absl::StatusOr<Key> Key::FromTwosComplement(std::string_view bytes) {
  if (bytes.empty()) {
    return absl::InvalidArgumentError(
        "the key is empty; a key is an integer in big-endian two's complement, zero is the byte "
        "00");
  }
  if (bytes.size() > kBytesMax) {
    return absl::ResourceExhaustedError(
        fmt::format("the key has {} bytes, the limit is {}", bytes.size(), kBytesMax));
  }
  while (HasRedundantSign(bytes)) bytes.remove_prefix(1);
  return Key(Ordered(bytes));
}

absl::StatusOr<Key> Key::FromOrderedBytes(std::string_view bytes) {
  if (!bytes.empty() && bytes.size() > HeaderBytes(bytes)) {
    absl::StatusOr<Key> key = FromTwosComplement(bytes.substr(HeaderBytes(bytes)));
    if (key.ok() && key->ordered_bytes() == bytes) return key;
  }
  return absl::InvalidArgumentError("not the canonical ordered form of an integer");
}

std::string_view Key::TwosComplementOf(std::string_view ordered) {
  return ordered.substr(HeaderBytes(ordered));
}

std::string_view Key::twos_complement() const { return TwosComplementOf(ordered_bytes_); }

}  // namespace tripla
