// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "disk/disk_reserve.h"

namespace tripla {

// The thread of what is looked at every 100 ms while the server runs: free disk space first, then
// the hooks of the server (design, "Threads").
//
// Thread-safety: constructed and destroyed by one thread.
class Housekeeping {
 public:
  // Called on the thread of this class.
  struct Hooks {
    DiskReserve::NextImageFn next_image;
    std::function<void()> tight;  // after each check that finds little room
    std::function<void()> look;   // after each check
  };

  // `disk_reserve` outlives it. On return the disk has been checked once.
  Housekeeping(DiskReserve& disk_reserve, Hooks hooks);
  // Also ends waits for room in `disk_reserve`.
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
