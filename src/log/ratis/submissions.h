// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "log/log.h"

namespace tripla {

// The batches that were given to Ratis and wait for their outcome. A few at a time: more would only
// be thinner, while those that wait outside join into fuller ones.
//
// Thread-safety: any thread.
class Submissions {
 public:
  struct Submission {
    Batch batch;
    size_t bytes = 0;
    Log::DoneFn done;
  };

  // Takes one in and numbers it. Waits for room first unless `urgent`. Nothing, and `submission`
  // as it was, once stopped or sent away.
  [[nodiscard]] std::optional<uint64_t> Add(Submission& submission, bool urgent);

  // From this moment on nobody waits for room.
  void SendAwayFrom(std::chrono::steady_clock::time_point moment);

  // Takes out the one of this number, if it still waits.
  [[nodiscard]] std::optional<Submission> Take(uint64_t number);

  // No more are taken in; those who wait for room are sent away. Then waits until none is left, or
  // `deadline`.
  void Stop(std::chrono::steady_clock::time_point deadline);

  // Takes out all that wait.
  [[nodiscard]] std::map<uint64_t, Submission> TakeAll();

 private:
  [[nodiscard]] bool HasRoomFor(size_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  Condition changed_;
  std::map<uint64_t, Submission> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t last_number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<std::chrono::steady_clock::time_point> sent_away_from_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
