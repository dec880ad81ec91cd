// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "log/log.h"

namespace tripla {

// What health checks ask for.
inline constexpr char kReadinessService[] = "tripla.v1.KeyValue";

// Watches whether this server is ready, that is, whether linearizable reads succeed. A standalone
// server is always ready; a replica is when it knows a leader and has caught up, but not while it
// is cut off from the others.
//
// Thread-safety: constructed and destroyed by one thread.
class Readiness {
 public:
  // Calls `changed` on its own thread at every change; the first is to true. `log` outlives it.
  Readiness(Log& log, std::function<void(bool ready)> changed);
  ~Readiness();

  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

 private:
  struct Probe;  // a read in progress

  void Run();
  [[nodiscard]] bool CanRead();

  Log& log_;
  const std::function<void(bool)> changed_;
  Mutex mutex_;
  Condition stop_changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
