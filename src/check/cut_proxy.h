// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tripla::check {

enum class Direction {
  kRequest,  // from the client to the server
  kReply,    // and back
};

enum class CutKind {
  kReset,     // both sides get an error at once
  kSilence,   // neither side gets an error: from then on bytes vanish in both directions
  kHalfOpen,  // only the server gets an error; the client's bytes vanish
  kTrickle,   // no cut, but from then on one byte a millisecond in both directions
};

// Where a connection is cut: when so many bytes of one direction have passed, from its beginning.
struct Cut {
  Direction direction = Direction::kRequest;
  uint64_t after_bytes = 0;
  CutKind kind = CutKind::kReset;
};

// Stands between a client and a server, passes what they say, and cuts as it is told. It listens on
// a free port of this machine.
//
// Thread-safety: all methods may be called from any thread. The plan is called on the proxy's own.
// Blocking: the constructor does not wait for the network, the destructor a second at most, while a
// connection is being made.
class CutProxy {
 public:
  // What becomes of connection number 0, 1, 2 …; nullopt: it is not cut.
  using Plan = std::function<std::optional<Cut>(uint64_t connection)>;

  // `server` is HOST:PORT. A connection that cannot be made on within a
  // second is reset.
  CutProxy(std::string server, Plan plan);
  // Resets what is still connected.
  ~CutProxy();
  CutProxy(const CutProxy&) = delete;
  CutProxy& operator=(const CutProxy&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  // Bytes passed on so far, over all connections.
  [[nodiscard]] uint64_t passed(Direction direction) const {
    return passed_[static_cast<size_t>(direction)];
  }

 private:
  class Link;

  void Serve();
  void Accept();

  const std::string server_;
  const Plan plan_;
  std::string endpoint_;
  int listener_ = -1;
  int stop_ = -1;  // becomes readable when the proxy ends
  std::array<std::atomic<uint64_t>, 2> passed_{};
  uint64_t connections_ = 0;                  // the thread's own
  std::vector<std::unique_ptr<Link>> links_;  // the thread's own
  std::thread thread_;
};

// Cuts the first connection so, and refuses all that come after it.
[[nodiscard]] CutProxy::Plan CutOnce(const Cut& cut);

}  // namespace tripla::check
