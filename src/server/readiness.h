// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
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
  // Prints each change, for clients of `address`, HOST:PORT, and once more when it is not ready for
  // long: the reason may be another one then. Calls `looked` on its own thread after each look,
  // with OK when the server is ready, else with the reason. `log` outlives it.
  Readiness(Log& log, std::string address, std::function<void(const absl::Status&)> looked);
  ~Readiness();

  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

 private:
  struct Probe;  // a read in progress

  void Run();
  [[nodiscard]] absl::Status Read();
  void Print(const absl::Status& ready);

  Log& log_;
  const std::string address_;
  const std::function<void(const absl::Status&)> looked_;
  // Of Print().
  bool was_ready_ = false;
  std::optional<std::chrono::steady_clock::time_point> say_again_at_;
  Mutex mutex_;
  Condition stop_changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
