// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "absl/status/status.h"

namespace tripla::rpc {

// Reads the headers of the frames that a client sends before nghttp2 does, and bounds what nghttp2
// does not (RFC 9113, section 10.5):
//
//   - frames that cost work and bring nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA,
//     frames of unknown types. Each takes from a credit, which grows with time and with the work
//     that is done for the client. A client without credit is disconnected.
//   - the bytes of one header block, in HEADERS and CONTINUATION frames together.
//
// RST_STREAM of a stream that was never opened is dropped: gRPC's clients send it for calls that
// they cancel before they have sent them (grpc#19655, grpc#38758), and nghttp2 would end the
// connection, as RFC 9113 asks (section 6.4).
//
// DATA and HEADERS behind the end that the client itself gave to their stream are errors (RFC 9113,
// section 5.1); nghttp2 ignores them, as it does not know whose end came first.
//
// Thread-safety: none; of one connection.
class FrameGuard {
 public:
  using Clock = std::chrono::steady_clock;
  // Takes bytes for nghttp2; false: it takes no more.
  using PassFn = std::function<bool(std::string_view)>;

  // Enough for clients that update a window with every message and measure each round trip by a
  // PING, and for 200 changes of settings: a flood is a thousand times more.
  static constexpr int kCreditMax = 10'000;
  static constexpr int kCreditPerSecond = 1'000;
  // A frame with a request or with a part of an answer earns this: clients answer each with as many
  // updates of windows and PINGs at most.
  static constexpr int kCreditPerUsefulFrame = 4;
  // New settings change the windows of all open streams.
  static constexpr int kSettingsCost = 50;
  // Four times the largest list of headers, since a client may know no compression.
  static constexpr size_t kHeaderBlockBytesMax = size_t{64} << 10;

  explicit FrameGuard(Clock::time_point now) : filled_(now) {}

  // Reads what has arrived, which may begin and end inside of frames, and hands on what nghttp2 is
  // to have.
  //
  // Errors: the client must be disconnected, and nothing may be read after that. ResourceExhausted
  // for too much of something, FailedPrecondition for a frame behind the end of its
  // stream, InvalidArgument for what cannot be.
  [[nodiscard]] absl::Status Read(std::string_view bytes, Clock::time_point now,
                                  const PassFn& pass);

  // A frame with a part of an answer was sent.
  void EarnBySending() { Earn(); }

  // How many frames in the last Read() had no other effect than work, and how many requests were
  // begun in it and did not end.
  [[nodiscard]] int idle_work() const { return idle_work_; }

 private:
  static constexpr size_t kHeaderBytes = 9;

  // Decides about the frame whose header is complete.
  [[nodiscard]] absl::Status Begin(const char* header);
  [[nodiscard]] absl::Status BeginOfStream(uint32_t type, uint32_t flags, uint32_t stream);
  [[nodiscard]] absl::Status Take(int cost);
  void Earn();

  int credit_ = kCreditMax;
  Clock::time_point filled_;  // until then time has brought its credit
  size_t preface_left_ = 24;  // of the bytes with which a client begins (RFC 9113, section 3.4)
  std::array<char, kHeaderBytes> header_{};
  size_t header_bytes_ = 0;  // of the next frame, when it came in pieces
  size_t body_left_ = 0;     // of the current frame
  bool dropping_ = false;    // the current frame
  uint32_t highest_stream_ = 0;
  size_t block_bytes_ = 0;
  std::array<uint32_t, 32> ended_{};  // the last streams that the client has ended
  size_t next_ended_ = 0;
  int idle_work_ = 0;
};

}  // namespace tripla::rpc
