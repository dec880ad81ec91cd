// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tripla {

// A TCP connection without gRPC around it, for clients that misbehave; closed when destroyed.
//
// Thread-safety: one thread.
class RawConnection {
 public:
  explicit RawConnection(const std::string& endpoint);
  RawConnection(RawConnection&& other) noexcept;
  RawConnection& operator=(RawConnection&&) = delete;
  ~RawConnection();

  [[nodiscard]] bool connected() const { return connected_; }
  // False unless all bytes were taken by this machine.
  [[nodiscard]] bool Send(const std::string& bytes) const;
  // Waits until the server has read everything that was sent on this HTTP/2 connection: its answer
  // to a ping that is sent behind it. False if the connection ends first.
  [[nodiscard]] bool AwaitRead() const;

 private:
  int fd_;
  bool connected_ = false;
};

// What begins an HTTP/2 connection whose streams may be sent this much without an answer.
std::string Http2Greeting(uint32_t window_bytes);

// The first bytes of an HTTP/2 stream with a call of `method` ("/tripla.v1.KeyValue/Set"). Streams
// are odd.
std::string CallHeaders(const std::string& method, uint32_t stream);

// `bytes` of the message of the call on this stream, which is `message_bytes` long; all of it ends
// the request.
std::string CallMessage(const std::string& bytes, uint32_t message_bytes, uint32_t stream);

}  // namespace tripla
