// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "model/log_position.h"

namespace tripla {

// How far this replica has applied the log, and the reads that wait for that.
//
// Thread-safety: one thread advances, any waits.
class AppliedIndex {
 public:
  // Takes OK once it is reached; Unavailable when the log is stopped before; ResourceExhausted at
  // once when too many wait.
  using ReachedFn = std::function<void(absl::Status)>;

  [[nodiscard]] LogIndex get() const { return index_.load(std::memory_order_acquire); }

  // Records that everything up to `index` is applied, and calls the functions that waited for it.
  // Two atomic operations when none waits.
  void Advance(LogIndex index);

  // Calls `reached` once everything up to `index` is applied: at once if it is, else on the
  // advancing thread.
  void Await(LogIndex index, ReachedFn reached);

  // Answers all that wait, and all that come later, with Unavailable.
  void Stop();

 private:
  std::atomic<LogIndex> index_{0};
  std::atomic<size_t> waiting_count_{0};
  Mutex mutex_;
  std::multimap<LogIndex, ReachedFn> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
