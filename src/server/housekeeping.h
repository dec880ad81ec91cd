// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "disk/disk_reserve.h"

namespace tripla {

// The thread that keeps an eye on the disk while the server runs, and frees memory while nothing
// is written (design, "Threads").
//
// Thread-safety: constructed and destroyed by one thread.
class Housekeeping {
 public:
  // `disk_reserve` outlives it. On return the disk has been looked at once. On the thread of this,
  // `too_full` is called after each look that finds so, and `free_memory` after each look.
  Housekeeping(DiskReserve& disk_reserve, std::function<void()> too_full,
               std::function<void()> free_memory);
  ~Housekeeping();

  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  void Run();
  // False at the stop.
  bool AwaitNextLook();

  DiskReserve& disk_reserve_;
  const std::function<void()> too_full_;
  const std::function<void()> free_memory_;
  Mutex mutex_;
  Condition stop_changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
