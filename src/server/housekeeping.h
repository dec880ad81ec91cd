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
  // What it asks and what it has done, on a thread of its own.
  struct Hooks {
    std::function<void()> look;  // at each look
    std::function<DiskReserve::NextImage()> next_image;
    std::function<void()> tight;     // after each look that finds little room
    std::function<void()> too_full;  // after each look at which writes are refused
  };

  // `disk_reserve` outlives it. On return the disk has been looked at once.
  Housekeeping(DiskReserve& disk_reserve, Hooks hooks);
  ~Housekeeping();

  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  void Run();
  // False at the stop.
  bool AwaitNextLook();

  DiskReserve& disk_reserve_;
  const Hooks hooks_;
  Mutex mutex_;
  Condition stop_changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
