// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "check/claim.h"

namespace tripla::check {

// How much of `whole` a time is.
[[nodiscard]] inline double ShareOf(std::chrono::duration<double> part,
                                    std::chrono::duration<double> whole) {
  return part / whole;
}

// A bar on the terminal that shows how far a run is; nothing where there is no terminal.
//
// Thread-safety: all methods may be called from any thread.
class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}

  // Number `done` of `total` begins.
  void Begin(const Claim& claim, size_t done, size_t total);
  // So much of it is done, from 0 to 1. Seen when the bar is drawn anew.
  void Advance(double fraction);
  void Redraw();
  // Takes the bar away, until the next begins.
  void End();

  // "[######..................] 16/64  api R4.set-absent  3 s"; empty between claims.
  [[nodiscard]] std::string ToText() const;

 private:
  const bool shown_;
  mutable Mutex mutex_;
  std::string name_ ABSL_GUARDED_BY(mutex_);
  size_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t total_ ABSL_GUARDED_BY(mutex_) = 0;
  double fraction_ ABSL_GUARDED_BY(mutex_) = 0;
  std::chrono::steady_clock::time_point begin_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla::check
