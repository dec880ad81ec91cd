// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "client/running_calls.h"

namespace tripla::check {

// The calls of many callers: how many attempts there were, and an end to all of them.
//
// Thread-safety: all methods may be called from any thread.
class Traffic {
 public:
  // Cancels what is under way; nothing is sent from now on.
  void Stop() {
    stopped_ = true;
    running_.CancelAll();
  }
  // The same until Resume().
  void Pause() {
    paused_ = true;
    running_.CancelAll();
  }
  void Resume() { paused_ = false; }
  [[nodiscard]] bool stopped() const { return stopped_ || paused_; }

  // A call must be registered before it looks whether it is stopped: so one of both is heard.
  [[nodiscard]] RunningCalls& running() { return running_; }

  void CountAttempt() { ++attempts_; }
  [[nodiscard]] uint64_t attempts() const { return attempts_; }

 private:
  RunningCalls running_;
  std::atomic<bool> stopped_{false};
  std::atomic<bool> paused_{false};
  std::atomic<uint64_t> attempts_{0};
};

}  // namespace tripla::check
