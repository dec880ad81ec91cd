// SPDX-License-Identifier: Apache-2.0
#include "log/memory_log.h"

#include <utility>

namespace tripla {

MemoryLog::MemoryLog(LogPosition last, ApplyFn apply) : apply_(std::move(apply)), last_(last) {}

void MemoryLog::Submit(Batch batch, DoneFn done) {
  const std::optional<LogPosition> position = NextPosition();
  if (!position) return done(absl::UnavailableError("the server is shutting down"));
  done(apply_(*position, batch));
}

std::optional<LogPosition> MemoryLog::NextPosition() {
  MutexLock lock(mutex_);
  if (stopped_) return std::nullopt;
  ++last_.index;
  return last_;
}

absl::Status MemoryLog::ReleasePrefix(LogIndex, Release) { return absl::OkStatus(); }

Log::Stats MemoryLog::GetStats() const {
  MutexLock lock(mutex_);
  return {.last = last_, .first = last_.index + 1, .bytes = 0, .durability = "log off"};
}

void MemoryLog::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
}

}  // namespace tripla
