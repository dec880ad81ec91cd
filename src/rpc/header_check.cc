// SPDX-License-Identifier: Apache-2.0
#include "rpc/header_check.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace tripla::rpc {
namespace {

// The pseudo headers of a request (section 8.3.1).
constexpr std::array<std::string_view, 4> kPseudo = {":method", ":scheme", ":path", ":authority"};
constexpr uint8_t kMethod = 1;
constexpr uint8_t kScheme = 2;
constexpr uint8_t kPath = 4;
constexpr uint8_t kAuthority = 8;

// They belong to one connection of HTTP/1.1, and could hide the end of a request (section 8.2.2).
constexpr std::array<std::string_view, 5> kOfConnections = {
    "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};

// Section 8.2.1. Upper case would be another name to HTTP/1.1's readers.
bool IsName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    return c > ' ' && c < '\x7f' && c != ':' && (c < 'A' || c > 'Z');
  });
}

// The bytes that end a field or a header in HTTP/1.1 (section 8.2.1).
bool IsValue(std::string_view value) {
  return value.find_first_of(std::string_view("\0\r\n", 3)) == std::string_view::npos;
}

}  // namespace

void HeaderCheck::Take(std::string_view name, std::string_view value) {
  const bool is_pseudo = name.starts_with(':');
  const bool sound =
      IsValue(value) && (is_pseudo ? TakePseudo(name, value) : TakeRegular(name, value));
  sound_ = sound_ && sound;
}

bool HeaderCheck::TakePseudo(std::string_view name, std::string_view value) {
  // They come first, so that a request is known before its fields; trailers have none.
  if (regular_begun_ || in_trailers_) return false;
  const auto known = std::ranges::find(kPseudo, name);
  if (known == kPseudo.end()) return false;
  const auto bit = static_cast<uint8_t>(1 << (known - kPseudo.begin()));
  if ((seen_ & bit) != 0) return false;
  seen_ |= bit;
  if (bit == kMethod) connects_ = value == "CONNECT";
  return bit == kAuthority || !value.empty();
}

bool HeaderCheck::TakeRegular(std::string_view name, std::string_view value) {
  regular_begun_ = true;
  if (!IsName(name) || std::ranges::find(kOfConnections, name) != kOfConnections.end()) {
    return false;
  }
  if (name == "te") return value == "trailers";
  if (name != "content-length" || in_trailers_) return true;
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), bytes);
  const bool is_new = !content_length_ || *content_length_ == bytes;
  content_length_ = bytes;
  return error == std::errc() && end == value.data() + value.size() && is_new;
}

bool HeaderCheck::IsComplete() const {
  // A tunnel has only a destination (section 8.5).
  if (connects_) return seen_ == (kMethod | kAuthority);
  constexpr uint8_t kNeeded = kMethod | kScheme | kPath;
  return (seen_ & kNeeded) == kNeeded;
}

bool HeaderCheck::BodyFits() const { return !content_length_ || *content_length_ == body_bytes_; }

}  // namespace tripla::rpc
