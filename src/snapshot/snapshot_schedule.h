// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "model/log_position.h"
#include "snapshot/image_info.h"
#include "snapshot/snapshot_store.h"
#include "state/state_machine.h"

namespace tripla {

// Decides when an image is written, and writes it on a thread of its own: calls go on meanwhile,
// and nobody waits for it but who asked (R16, design 7).
//
//   SnapshotSchedule schedule(images, machine, {.interval = 30s},
//                             {.log_bytes = [&] { return log->GetStatus().bytes; },
//                              .released = [&](LogIndex through) { ... ReleasePrefix ... }});
//   schedule.Request([](absl::StatusOr<ImageInfo> image) { ... });
//   schedule.Stop();
//
// An image is due when something was applied since the last one and
//   - the interval has passed, and at least as long as the last image took: a short interval on a
//     large map leaves disk and cores to the calls half the time; or
//   - the log has grown by more than the last image is large, and by `log_growth_bytes_min`.
//
// An image that cannot be written is said and tried again when the next one is due; the log keeps
// everything meanwhile, so nothing is lost.
//
// Thread-safety: all calls from any thread. Lifetime: store and machine outlive it.
class SnapshotSchedule {
 public:
  struct Options {
    std::chrono::milliseconds interval{30'000};  // 0: never by period
    uint64_t log_growth_bytes_min = uint64_t{64} << 20;
  };

  // What it needs from the log; called on its thread, one at a time.
  struct LogHooks {
    // Bytes the log holds on disk now. Must be cheap: asked every second.
    std::function<uint64_t()> log_bytes;
    // The log up to `through`, inclusive, may go.
    std::function<void(LogIndex through)> released;
  };

  // Takes the image in force for the answer to one Request(), or why there is none:
  // ResourceExhausted and Internal as SnapshotStore::Write(); Unavailable when stopped.
  using DoneFn = std::function<void(absl::StatusOr<ImageInfo>)>;

  // Starts the thread. `store` is past LoadNewest(), `machine` past the replay of the log.
  SnapshotSchedule(SnapshotStore& store, const StateMachine& machine, const Options& options,
                   LogHooks log);

  // Stops.
  ~SnapshotSchedule();

  SnapshotSchedule(const SnapshotSchedule&) = delete;
  SnapshotSchedule& operator=(const SnapshotSchedule&) = delete;

  // Asks for an image of a state not older than this call; returns at once. `done` is called
  // exactly once, on the schedule's thread or, when stopped, on this one; it must not block.
  // Requests that come while an image is being written share the next one. When nothing was applied
  // since the last image, that one is the answer.
  void Request(DoneFn done);

  // Abandons an image that is being written, answers what was requested with Unavailable, and ends
  // the thread. Idempotent.
  void Stop();

 private:
  void Run();
  // Waits until an image is requested or due. False: stopped.
  bool AwaitWork(std::vector<DoneFn>& requests);
  // Writes an image unless the one in force holds everything.
  absl::StatusOr<ImageInfo> Take();
  [[nodiscard]] bool IsDue(std::chrono::steady_clock::time_point now) const;

  SnapshotStore& store_;
  const StateMachine& machine_;
  const Options options_;
  const LogHooks log_;

  // Of the thread.
  std::chrono::steady_clock::time_point next_by_period_;
  uint64_t log_bytes_after_last_ = 0;

  Mutex mutex_;
  Condition wake_;
  std::vector<DoneFn> requests_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::atomic<bool> abandon_{false};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace tripla
