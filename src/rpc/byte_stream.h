// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace tripla::rpc {

// The bytes of a connection in both directions, below HTTP/2. Today they are TCP's; TLS, with its
// agreement on "h2" (ALPN), belongs here.
//
// Thread-safety: none.
class ByteStream {
 public:
  // Takes a connected socket that does not block.
  explicit ByteStream(int fd) : fd_(fd) {}
  ~ByteStream();
  ByteStream(ByteStream&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ByteStream& operator=(ByteStream&&) = delete;

  struct Result {
    size_t bytes = 0;    // none: not now
    bool ended = false;  // no bytes will pass any more in this direction
  };
  [[nodiscard]] Result Read(char* to, size_t bytes);
  [[nodiscard]] Result Write(std::string_view bytes);
  // The other side sees the end of what was written.
  void EndWriting();

  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace tripla::rpc
