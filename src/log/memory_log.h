// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "log/log.h"

namespace tripla {

// Orders batches but does not store them: for `--log off`, where only images survive the process,
// and for tests (R18).
//
// Thread-safety: as Log. Batches are applied on the submitting thread.
class MemoryLog : public Log {
 public:
  // `last` is the position of the loaded state; the next batch follows it.
  MemoryLog(LogPosition last, ApplyFn apply);

  void Submit(Batch batch, DoneFn done) override;
  [[nodiscard]] absl::Status ReleasePrefix(LogIndex through, Release release) override;
  [[nodiscard]] Stats GetStats() const override;
  void Stop() override;

 private:
  // The position of the next batch; nullopt once stopped.
  std::optional<LogPosition> NextPosition();

  const ApplyFn apply_;
  mutable Mutex mutex_;
  LogPosition last_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
