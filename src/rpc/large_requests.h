// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "rpc/memory_budget.h"

namespace tripla::rpc {

// Reads and handles large requests on a thread of its own, one after the other: on a loop they
// would hold up all of its clients for milliseconds. What waits counts as incoming bytes.
//
// Thread-safety: any thread; Stop() once.
class LargeRequests {
 public:
  // Smaller ones are handled on their loops: that takes less than 0.1 ms.
  static constexpr size_t kBytesMin = size_t{256} << 10;

  // `incoming` outlives it.
  explicit LargeRequests(MemoryBudget& incoming);
  ~LargeRequests() { Stop(); }
  LargeRequests(const LargeRequests&) = delete;
  LargeRequests& operator=(const LargeRequests&) = delete;

  // Runs `handle`, which holds a request of so many bytes, in the order of these calls.
  void Run(size_t bytes, std::function<void()> handle);

  // Ends the thread, once all was run. Nothing may be given to it from then on.
  void Stop();

 private:
  struct Waiting {
    size_t bytes = 0;
    std::function<void()> handle;
  };

  void RunAll();
  // False: it stops, and nothing waits any more.
  [[nodiscard]] bool Take(Waiting& next);
  void Hold(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  Condition changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of these, and of the one in hand
  MemoryBudget::Account held_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace tripla::rpc
