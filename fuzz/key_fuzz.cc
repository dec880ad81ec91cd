// SPDX-License-Identifier: Apache-2.0
//
// Keys from the wire, from files and from people: one integer is one key, and keys order as the
// integers do. The input is two keys, divided by its first byte, and a text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "tripla/key.h"

namespace tripla {
namespace {

bool IsNegative(std::string_view bytes) { return (bytes[0] & 0x80) != 0; }

// Big-endian two's complement of at least `size` bytes, of which unsigned order is integer order.
std::string Widened(std::string_view bytes, size_t size) {
  std::string wide(size - bytes.size(), IsNegative(bytes) ? '\xff' : '\0');
  wide += bytes;
  wide[0] = static_cast<char>(wide[0] ^ 0x80);
  return wide;
}

void CheckKey(const Key& key) {
  const std::string_view bytes = key.twos_complement();
  const bool redundant = bytes.size() > 1 && (bytes[0] == '\0' || bytes[0] == '\xff') &&
                         IsNegative(bytes) == IsNegative(bytes.substr(1));
  TRIPLA_CHECK(!bytes.empty() && !redundant, "the canonical form is the shortest");
  TRIPLA_CHECK(*Key::FromTwosComplement(bytes) == key, "the wire form comes back");
  TRIPLA_CHECK(*Key::FromOrderedBytes(key.ordered_bytes()) == key, "the ordered form comes back");
  TRIPLA_CHECK(Key::TwosComplementOf(key.ordered_bytes()) == bytes, "one holds the other");
  const std::string text = key.ToText();
  TRIPLA_CHECK((text[0] == '-') == IsNegative(bytes), "the text has the sign");
  TRIPLA_CHECK(*Key::Parse(text) == key, "the text comes back");
}

void CheckWire(std::string_view a, std::string_view b) {
  const absl::StatusOr<Key> key_a = Key::FromTwosComplement(a);
  const absl::StatusOr<Key> key_b = Key::FromTwosComplement(b);
  TRIPLA_CHECK(key_a.ok() || a.empty() || a.size() > Key::kBytesMax, "all bytes are an integer");
  if (!key_a.ok() || !key_b.ok()) return;
  CheckKey(*key_a);
  const size_t size = std::max(a.size(), b.size());
  const auto as_integers = Widened(a, size) <=> Widened(b, size);
  TRIPLA_CHECK((*key_a <=> *key_b) == as_integers, "keys order as integers");
  TRIPLA_CHECK((*key_a == *key_b) == (as_integers == 0), "one integer is one key");
}

void CheckOrdered(std::string_view bytes) {
  const absl::StatusOr<Key> key = Key::FromOrderedBytes(bytes);
  if (key.ok()) TRIPLA_CHECK(key->ordered_bytes() == bytes, "there is one ordered form");
}

void CheckText(std::string_view text) {
  const absl::StatusOr<Key> key = Key::Parse(text);
  if (key.ok()) return CheckKey(*key);
  TRIPLA_CHECK(absl::IsInvalidArgument(key.status()) || absl::IsResourceExhausted(key.status()),
               "nothing else is wrong");
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  TRIPLA_CHECK(std::ranges::all_of(std::string(key.status().message()), printable),
               "what is said can be shown");
}

}  // namespace
}  // namespace tripla

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tripla::CheckText(bytes);
  tripla::CheckOrdered(bytes);
  if (bytes.empty()) return 0;
  const size_t middle = std::min<size_t>(static_cast<uint8_t>(bytes[0]), size - 1);
  tripla::CheckWire(bytes.substr(1, middle), bytes.substr(1 + middle));
  return 0;
}
