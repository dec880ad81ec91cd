// SPDX-License-Identifier: Apache-2.0
#include "rpc/frame_guard.h"

#include <fmt/core.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>

#include "base/status_macros.h"

namespace tripla::rpc {

absl::Status FrameGuard::Read(std::string_view bytes, Clock::time_point now, const PassFn& pass) {
  using std::chrono::milliseconds;
  constexpr milliseconds kStep{1000 / kCreditPerSecond};
  const auto steps = (now - filled_) / kStep;
  credit_ = static_cast<int>(std::min<int64_t>(kCreditMax, credit_ + steps));
  filled_ += steps * kStep;
  idle_work_ = 0;

  size_t passed = 0;  // of `bytes`; all up to here was handed on or dropped
  size_t at = std::min(preface_left_, bytes.size());
  preface_left_ -= at;
  const auto hand_on = [&](size_t end) {
    const std::string_view part = bytes.substr(passed, end - passed);
    passed = end;
    return part.empty() || pass(part);
  };
  while (at < bytes.size()) {
    if (body_left_ > 0) {
      const size_t step = std::min(body_left_, bytes.size() - at);
      body_left_ -= step;
      at += step;
      if (dropping_) passed = at;
      continue;
    }
    if (header_bytes_ == 0 && bytes.size() - at >= kHeaderBytes) {
      const char* const header = bytes.data() + at;
      TRIPLA_RETURN_IF_ERROR(Begin(header));
      if (dropping_) {
        if (!hand_on(at)) return absl::OkStatus();
        passed = at + kHeaderBytes;
      }
      at += kHeaderBytes;
      continue;
    }
    // A header in pieces is kept until it is complete, for it may be one to be dropped.
    if (header_bytes_ == 0 && !hand_on(at)) return absl::OkStatus();
    const size_t step = std::min(kHeaderBytes - header_bytes_, bytes.size() - at);
    std::memcpy(&header_[header_bytes_], bytes.data() + at, step);
    header_bytes_ += step;
    passed = at += step;
    if (header_bytes_ < kHeaderBytes) break;
    header_bytes_ = 0;
    TRIPLA_RETURN_IF_ERROR(Begin(header_.data()));
    if (!dropping_ && !pass({header_.data(), kHeaderBytes})) return absl::OkStatus();
  }
  hand_on(at);
  return absl::OkStatus();
}

absl::Status FrameGuard::Begin(const char* header) {
  const auto byte = [header](size_t i) { return static_cast<uint32_t>(header[i]) & 0xff; };
  const uint32_t length = byte(0) << 16 | byte(1) << 8 | byte(2);
  const uint32_t type = byte(3);
  const uint32_t flags = byte(4);
  const uint32_t stream = (byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)) & 0x7fffffff;
  body_left_ = length;
  dropping_ = false;
  TRIPLA_RETURN_IF_ERROR(BeginOfStream(type, flags, stream));
  switch (type) {
    case NGHTTP2_DATA:
      // What padding hides cannot be seen here.
      if ((flags & NGHTTP2_FLAG_PADDED) != 0) return Take(1);
      if (length > 0) break;
      return (flags & NGHTTP2_FLAG_END_STREAM) != 0 ? absl::OkStatus() : Take(1);
    case NGHTTP2_HEADERS:
      highest_stream_ = std::max(highest_stream_, stream);
      block_bytes_ = length;
      Earn();
      break;
    case NGHTTP2_CONTINUATION:
      block_bytes_ += length;
      break;
    case NGHTTP2_RST_STREAM:
      // nghttp2 bounds their rate.
      ++idle_work_;
      if (stream <= highest_stream_ || length != 4) return absl::OkStatus();
      dropping_ = true;
      return Take(1);
    case NGHTTP2_PRIORITY:
      // Which nghttp2 ignores otherwise, as we do not use them.
      if (stream == 0) return absl::InvalidArgumentError("PRIORITY of stream 0");
      return Take(1);
    case NGHTTP2_SETTINGS:
      return Take((flags & NGHTTP2_FLAG_ACK) != 0 ? 1 : kSettingsCost);
    default:
      return Take(1);
  }
  if (block_bytes_ <= kHeaderBlockBytesMax || type == NGHTTP2_DATA) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      fmt::format("a header block of more than {} bytes", kHeaderBlockBytesMax));
}

absl::Status FrameGuard::BeginOfStream(uint32_t type, uint32_t flags, uint32_t stream) {
  const bool content = type == NGHTTP2_DATA || type == NGHTTP2_HEADERS;
  if (content && std::ranges::find(ended_, stream) != ended_.end() && stream != 0) {
    return absl::FailedPreconditionError("a frame behind the end of its stream");
  }
  const bool last = (flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (type == NGHTTP2_HEADERS && !last) ++idle_work_;
  if (content && last && idle_work_ > 0) --idle_work_;
  const bool ends = type == NGHTTP2_RST_STREAM || (content && last);
  if (ends && stream <= std::max(highest_stream_, type == NGHTTP2_HEADERS ? stream : 0)) {
    ended_[next_ended_++ % ended_.size()] = stream;
  }
  return absl::OkStatus();
}

absl::Status FrameGuard::Take(int cost) {
  ++idle_work_;
  credit_ -= cost;
  if (credit_ >= 0) return absl::OkStatus();
  return absl::ResourceExhaustedError("too many frames that ask for nothing");
}

void FrameGuard::Earn() { credit_ = std::min(kCreditMax, credit_ + kCreditPerUsefulFrame); }

}  // namespace tripla::rpc
