// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tripla::rpc {

// Whether a request's headers are those of HTTP/2 (RFC 9113, sections 8.1 to 8.3): one that is
// malformed could mean something else to a proxy in front. nghttp2 has such a check as well, which
// is off: it refuses an empty :authority, which some clients of gRPC send ("" in Go, a name that
// the client was not given).
//
// Thread-safety: none; of one request.
class HeaderCheck {
 public:
  // The next field, whose name and value are any bytes.
  void Take(std::string_view name, std::string_view value);
  // What follows are trailers.
  void EndHeaders() { in_trailers_ = true; }
  // So many more bytes of DATA.
  void TakeBody(size_t bytes) { body_bytes_ += bytes; }

  // Whether the headers so far are sound; of complete ones, whether nothing is missing.
  [[nodiscard]] bool is_sound() const { return sound_; }
  [[nodiscard]] bool IsComplete() const;
  // Whether the body, once it is complete, is as long as was said.
  [[nodiscard]] bool BodyFits() const;

 private:
  [[nodiscard]] bool TakePseudo(std::string_view name, std::string_view value);
  [[nodiscard]] bool TakeRegular(std::string_view name, std::string_view value);

  bool sound_ = true;
  bool in_trailers_ = false;
  bool regular_begun_ = false;
  uint8_t seen_ = 0;  // of the pseudo headers
  bool connects_ = false;
  std::optional<uint64_t> content_length_;
  uint64_t body_bytes_ = 0;
};

}  // namespace tripla::rpc
