// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace google::protobuf {
class MessageLite;
}  // namespace google::protobuf

namespace tripla::rpc {

// The encodings that gRPC adds to HTTP/2 (R15), as its PROTOCOL-HTTP2.md describes them. What
// HTTP/2 itself asks for is nghttp2's.

// What a call ends with. gRPC gives the codes the same numbers as Abseil.
struct Status {
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string message;
  std::string details;  // an encoded google.rpc.Status, or empty

  [[nodiscard]] bool ok() const { return code == absl::StatusCode::kOk; }
};

// Names in lower case with their values. The value of a name that ends in "-bin" is any bytes; the
// wire carries it in base64.
using Metadata = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] bool IsBinaryName(std::string_view name);

// A message on the wire: one byte that says whether it is compressed, its length in four bytes,
// big-endian, its bytes.
inline constexpr size_t kPrefixBytes = 5;
struct Prefix {
  bool compressed = false;
  uint32_t message_bytes = 0;
};
// Of the first kPrefixBytes of `bytes`. nullopt when the first is neither 0 nor 1.
[[nodiscard]] std::optional<Prefix> ReadPrefix(std::string_view bytes);
// The message with its prefix.
[[nodiscard]] std::string Encode(const google::protobuf::MessageLite& message);

// The value of grpc-timeout: up to eight digits and a unit. nullopt when it is something else.
[[nodiscard]] std::optional<std::chrono::nanoseconds> ParseTimeout(std::string_view text);

// The value of grpc-message: bytes that are not printable ASCII, and '%', as %XX.
[[nodiscard]] std::string PercentEncode(std::string_view text);

// Without padding, as gRPC asks senders.
[[nodiscard]] std::string Base64Encode(std::string_view bytes);
// With padding or without. nullopt when it is no base64.
[[nodiscard]] std::optional<std::string> Base64Decode(std::string_view text);

}  // namespace tripla::rpc
