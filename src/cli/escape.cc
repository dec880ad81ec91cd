// SPDX-License-Identifier: Apache-2.0
#include "cli/escape.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>

namespace tripla::cli {
namespace {

struct Character {
  uint32_t code = 0;
  size_t length = 0;  // in bytes; 0 when not well-formed
};

// Decodes one character of UTF-8, in its shortest form only, as RFC 3629 asks.
Character Decode(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first < 0x80) return {first, 1};
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || bytes.size() < length) return {};
  uint32_t code = first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(bytes[i]);
    if ((next & 0xc0U) != 0x80U) return {};
    code = code << 6U | (next & 0x3fU);
  }
  const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  if (too_long || surrogate || code > 0x10ffff) return {};
  return {code, length};
}

bool MisleadsTerminals(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code <= 0x9f) ||  // C0, DEL, C1
         code == 0x061c || code == 0x200e || code == 0x200f ||
         (code >= 0x2028 && code <= 0x202e) ||  // line ends, directions
         (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
}

std::string EscapedByte(char byte) {
  switch (byte) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
}

bool IsKept(char byte, Keep keep) {
  return keep == Keep::kLineEnds && (byte == '\n' || byte == '\t');
}

// Escapes what comes first in `bytes`, and removes it there.
std::string EscapeNext(std::string_view& bytes, Keep keep) {
  const char first = bytes[0];
  const size_t printable = PrintableLength(bytes);
  const std::string_view taken = bytes.substr(0, std::max<size_t>(printable, 1));
  bytes.remove_prefix(taken.size());
  if (printable == 0 && !IsKept(first, keep)) return EscapedByte(first);
  if (keep == Keep::kNothing && (first == '"' || first == '\\')) return fmt::format("\\{}", first);
  return std::string(taken);
}

}  // namespace

size_t PrintableLength(std::string_view bytes) {
  const Character character = Decode(bytes);
  return character.length == 0 || MisleadsTerminals(character.code) ? 0 : character.length;
}

bool IsText(std::string_view bytes) {
  while (!bytes.empty()) {
    const char first = bytes[0];
    const bool blank = first == '\n' || first == '\r' || first == '\t';
    const size_t length = blank ? 1 : PrintableLength(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::string Escape(std::string_view bytes, Keep keep) {
  std::string escaped;
  escaped.reserve(bytes.size());
  while (!bytes.empty()) escaped += EscapeNext(bytes, keep);
  return escaped;
}

size_t CharacterCount(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(
      text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }));
}

std::string QuotedStart(std::string_view bytes, size_t characters_max) {
  std::string_view rest = bytes;
  std::string shown;
  size_t characters = 0;
  while (!rest.empty()) {
    const std::string next = EscapeNext(rest, Keep::kNothing);
    characters += CharacterCount(next);
    if (characters > characters_max)
      return fmt::format("\"{}\"... ({} bytes)", shown, bytes.size());
    shown += next;
  }
  return fmt::format("\"{}\"", shown);
}

}  // namespace tripla::cli
