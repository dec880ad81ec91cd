// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
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
  // Reads until the server hangs up; false if it does not in this time.
  [[nodiscard]] bool AwaitEnd(std::chrono::milliseconds patience) const;
  // Reads the next frame's header and payload; "" if the connection ends or `patience` passes.
  [[nodiscard]] std::string ReadFrame(std::chrono::milliseconds patience) const;

 private:
  int fd_;
  bool connected_ = false;
};

// Types and flags of HTTP/2 frames (RFC 9113, section 6).
namespace http2 {
inline constexpr char kData = 0;
inline constexpr char kHeaders = 1;
inline constexpr char kPriority = 2;
inline constexpr char kRstStream = 3;
inline constexpr char kSettings = 4;
inline constexpr char kPing = 6;
inline constexpr char kGoAway = 7;
inline constexpr char kWindowUpdate = 8;
inline constexpr char kContinuation = 9;
inline constexpr char kAck = 1;
inline constexpr char kEndStream = 1;
inline constexpr char kEndHeaders = 4;
}  // namespace http2

// Four bytes, the highest first.
std::string BigEndian(uint32_t number);

// One HTTP/2 frame (RFC 9113, section 4.1).
std::string Http2Frame(char type, char flags, uint32_t stream, const std::string& payload);

// What begins an HTTP/2 connection whose streams may be sent this much without an answer.
std::string Http2Greeting(uint32_t window_bytes);

// The first bytes of an HTTP/2 stream with a call of `method` ("/tripla.v1.KeyValue/Set"). Streams
// are odd.
std::string CallHeaders(const std::string& method, uint32_t stream);

// `bytes` of the message of the call on this stream, which is `message_bytes` long; all of it ends
// the request.
std::string CallMessage(const std::string& bytes, uint32_t message_bytes, uint32_t stream);

}  // namespace tripla
