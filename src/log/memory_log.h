// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "log/log.h"

namespace tripla {

// Orders batches and forgets them at once: `--log off`, where only images survive the process, and
// tests (R18).
//
// Thread-safety: as Log. Batches are applied on the submitting thread.
class MemoryLog : public Log {
 public:
  // `last` is the place up to which the state was loaded; the next batch follows it.
  MemoryLog(LogPosition last, ApplyFn apply);

  void Submit(Batch batch, DoneFn done) override;
  [[nodiscard]] absl::Status ReleasePrefix(LogIndex through, Release release) override;
  [[nodiscard]] Status GetStatus() const override;
  void Stop() override;

 private:
  // The next batch's place, or none once stopped.
  std::optional<LogPosition> NextPosition();

  const ApplyFn apply_;
  mutable Mutex mutex_;
  LogPosition last_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
