// SPDX-License-Identifier: Apache-2.0
//
// The text form of keys. Separate from key.cc because only this needs GMP.
#include <fmt/core.h>
#include <gmp.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "tripla/key.h"

namespace tripla {
namespace {

// Owns one GMP integer.
class Integer {
 public:
  Integer() { mpz_init(value_); }
  ~Integer() { mpz_clear(value_); }
  Integer(const Integer&) = delete;
  Integer& operator=(const Integer&) = delete;
  mpz_ptr get() { return value_; }

 private:
  mpz_t value_;
};

// More decimal digits than any key within Key::kBytesMax has: 65,536 bytes hold 157,827 at most.
constexpr size_t kDigitsMax = 160'000;

// The start of foreign text for an error message, with everything unprintable escaped.
std::string Quoted(std::string_view text) {
  constexpr size_t kShownMax = 40;
  std::string shown;
  for (const char c : text.substr(0, kShownMax)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return fmt::format("'{}{}'", shown, text.size() > kShownMax ? "..." : "");
}

absl::Status NotAnInteger(std::string_view text, std::string_view why) {
  return absl::InvalidArgumentError(
      fmt::format("{} is not a key: {}; a key is an integer such as 42, -12, 0xff, 10_000 or "
                  "uuid:123e4567-e89b-12d3-a456-426614174000",
                  Quoted(text), why));
}

bool IsDigit(char c, int base) {
  const auto byte = static_cast<unsigned char>(c);
  return base == 16 ? std::isxdigit(byte) != 0 : std::isdigit(byte) != 0;
}

// Big-endian two's complement of `integer`, which it modifies. A negative number is the complement
// of its magnitude minus one, so like a positive one it needs floor(bits / 8) + 1 bytes.
std::string TwosComplement(Integer& integer) {
  const bool negative = mpz_sgn(integer.get()) < 0;
  if (negative) mpz_com(integer.get(), integer.get());  // -x - 1, not negative
  std::string bytes(mpz_sizeinbase(integer.get(), 2) / 8 + 1, '\0');
  size_t count = 0;
  std::string magnitude(bytes.size(), '\0');
  mpz_export(magnitude.data(), &count, 1, 1, 1, 0, integer.get());
  std::copy_n(magnitude.begin(), count, bytes.end() - static_cast<ptrdiff_t>(count));
  if (negative)
    std::transform(bytes.begin(), bytes.end(), bytes.begin(), [](char b) { return ~b; });
  return bytes;
}

absl::StatusOr<std::string> WithoutUnderscores(std::string_view digits, std::string_view text,
                                               int base) {
  std::string plain;
  plain.reserve(digits.size());
  for (size_t i = 0; i < digits.size(); ++i) {
    if (digits[i] == '_') {
      const bool between =
          i > 0 && i + 1 < digits.size() && digits[i - 1] != '_' && digits[i + 1] != '_';
      if (!between) return NotAnInteger(text, "an underscore stands only between two digits");
    } else if (IsDigit(digits[i], base)) {
      plain += digits[i];
    } else {
      return NotAnInteger(text,
                          fmt::format("it has the character {}", Quoted(digits.substr(i, 1))));
    }
  }
  if (plain.empty()) return NotAnInteger(text, "it has no digits");
  return plain;
}

absl::StatusOr<std::string> UuidDigits(std::string_view uuid, std::string_view text) {
  std::string digits;
  for (size_t i = 0; i < uuid.size(); ++i) {
    const bool hyphen_place = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen_place ? uuid[i] != '-' : !IsDigit(uuid[i], 16)) {
      return NotAnInteger(text, "a UUID has the form 8-4-4-4-12 of hexadecimal digits");
    }
    if (!hyphen_place) digits += uuid[i];
  }
  if (uuid.size() != 36) return NotAnInteger(text, "a UUID has 36 characters");
  return digits;
}

absl::StatusOr<Key> FromDigits(std::string digits, int base, bool negative) {
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  if (digits.size() > kDigitsMax) {
    return absl::ResourceExhaustedError(
        fmt::format("the key has {} digits; the limit is {} bytes of two's complement",
                    digits.size(), Key::kBytesMax));
  }
  Integer integer;
  mpz_set_str(integer.get(), digits.c_str(), base);
  if (negative) mpz_neg(integer.get(), integer.get());
  return Key::FromTwosComplement(TwosComplement(integer));
}

}  // namespace

absl::StatusOr<Key> Key::Parse(std::string_view text) {
  if (text.empty()) return NotAnInteger(text, "it is empty");
  std::string_view rest = text;
  if (rest.starts_with("uuid:")) {
    TRIPLA_ASSIGN_OR_RETURN(std::string digits, UuidDigits(rest.substr(5), text));
    return FromDigits(std::move(digits), 16, false);
  }
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const bool hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
  if (hexadecimal) rest.remove_prefix(2);
  const int base = hexadecimal ? 16 : 10;
  TRIPLA_ASSIGN_OR_RETURN(std::string digits, WithoutUnderscores(rest, text, base));
  return FromDigits(std::move(digits), base, negative);
}

std::string Key::ToText() const {
  const std::string_view bytes = twos_complement();
  const bool negative = (static_cast<unsigned char>(bytes[0]) & 0x80) != 0;
  std::string magnitude(bytes);
  if (negative) {
    std::transform(magnitude.begin(), magnitude.end(), magnitude.begin(),
                   [](char b) { return ~b; });
  }
  Integer integer;
  mpz_import(integer.get(), magnitude.size(), 1, 1, 1, 0, magnitude.data());
  if (negative) mpz_com(integer.get(), integer.get());
  std::string text(mpz_sizeinbase(integer.get(), 10) + 2, '\0');
  mpz_get_str(text.data(), 10, integer.get());
  text.resize(text.find('\0'));
  return text;
}

}  // namespace tripla
