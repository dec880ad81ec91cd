// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tripla {

// The request ids of one call: `count` consecutive sequence numbers of one client.
struct RequestRange {
  std::string client;  // limits::kClientIdBytes bytes
  uint64_t first = 0;
  uint64_t count = 1;

  friend bool operator==(const RequestRange&, const RequestRange&) = default;
};

// The form of Failure::request: the client in hexadecimal digits, then the sequence ("…-17"), or
// the first and the last of several ("…-17..26").
[[nodiscard]] std::string ToText(const RequestRange& range);

// nullopt when `text` is not of this form, or has more ids than a Batch may have operations.
[[nodiscard]] std::optional<RequestRange> ParseRequestRange(std::string_view text);

}  // namespace tripla
