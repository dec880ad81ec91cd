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

// The batches that were given to Ratis and wait for their outcome. Only a few at a time: while
// others wait outside, their calls are joined into fuller batches.
//
// Thread-safety: any thread.
class Submissions {
 public:
  struct Submission {
    Batch batch;
    size_t bytes = 0;
    Log::DoneFn done;
  };

  // Takes one in and returns its number. Waits for room first unless `urgent`. Returns nothing, and
  // leaves `submission` as it was, after Stop() or when the wait deadline has passed.
  [[nodiscard]] std::optional<uint64_t> Add(Submission& submission, bool urgent);

  // From this moment on Add() does not wait for room.
  void SetWaitDeadline(std::chrono::steady_clock::time_point deadline);

  // Takes out the one of this number, if it still waits.
  [[nodiscard]] std::optional<Submission> Take(uint64_t number);

  // Refuses all that wait for room or come later. Then waits until none is left, or `deadline`.
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
  std::optional<std::chrono::steady_clock::time_point> wait_deadline_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
