// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripla {

// An integer of arbitrary precision: the key of an entry (R1, R10).
//
//   absl::StatusOr<Key> key = Key::Parse("-12");
//   Key same = *Key::FromTwosComplement("\xf4");
//
// Equal integers are equal Keys, whatever encoding or text they came from. Keys order as integers.
//
// Thread-safety: a value; const access from many threads is safe.
// Limits: kBytesMax of canonical two's complement, that is 157,827 decimal digits at most.
class Key {
 public:
  static constexpr size_t kBytesMax = size_t{64} << 10;

  // Zero.
  Key();

  // Reads big-endian two's complement, as Java's BigInteger.toByteArray() writes it. Redundant sign
  // bytes are dropped: 00 01 is 01 (R10).
  //
  // Errors: InvalidArgument when `bytes` is empty; ResourceExhausted when it is longer than
  // kBytesMax, redundant sign bytes included (R14).
  [[nodiscard]] static absl::StatusOr<Key> FromTwosComplement(std::string_view bytes);

  // Reads text: "-12", "007", "-0", "0xff", "-0xff", "10_000" (one underscore between two digits)
  // and "uuid:123e4567-e89b-12d3-a456-426614174000" (its 128 bits as an unsigned number).
  //
  // Errors: InvalidArgument, which says what is wrong; ResourceExhausted above kBytesMax.
  [[nodiscard]] static absl::StatusOr<Key> Parse(std::string_view text);

  // Reads the form of ordered_bytes(), as files have it.
  //
  // Errors: InvalidArgument when `bytes` is not the canonical ordered form of an integer.
  [[nodiscard]] static absl::StatusOr<Key> FromOrderedBytes(std::string_view bytes);

  // Decimal digits, with "-" before a negative number. Time grows faster than linear: a key of 64
  // KiB takes milliseconds.
  [[nodiscard]] std::string ToText() const;

  // The canonical wire form, never empty; a view into this Key.
  [[nodiscard]] std::string_view twos_complement() const;

  // The form inside the map: memcmp orders it like the integers. A view into this Key. It is a
  // header with sign and length, then the two's complement form (docs/formats.md, "Keys").
  [[nodiscard]] std::string_view ordered_bytes() const { return ordered_bytes_; }

  // The two's complement form inside an ordered form, without a copy. `ordered` must be canonical.
  [[nodiscard]] static std::string_view TwosComplementOf(std::string_view ordered);

  friend bool operator==(const Key& a, const Key& b) {
    return a.ordered_bytes_ == b.ordered_bytes_;
  }
  friend std::strong_ordering operator<=>(const Key& a, const Key& b) {
    return a.ordered_bytes_.compare(b.ordered_bytes_) <=> 0;
  }

 private:
  explicit Key(std::string ordered) : ordered_bytes_(std::move(ordered)) {}

  std::string ordered_bytes_;
};

}  // namespace tripla
