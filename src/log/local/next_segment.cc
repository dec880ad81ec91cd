// SPDX-License-Identifier: Apache-2.0
#include "log/local/next_segment.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "log/local/segment_writer.h"
#include "log/local/wal_format.h"

namespace tripla {
namespace {

constexpr std::chrono::seconds kRetryPeriod{1};

}  // namespace

NextSegment::NextSegment(const DataDirectory& directory, const Options& options)
    : directory_(directory),
      options_(options),
      path_(directory.log_path() + "/" + std::string(wal::kNextSegmentName)) {}

NextSegment::~NextSegment() { Stop(); }

void NextSegment::StartThread() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  changed_.NotifyAll();
}

void NextSegment::Begin() {
  if (!options_.ahead) return;
  MutexLock lock(mutex_);
  if (made_ || wanted_ != 0 || stop_) return;
  wanted_ = options_.segment_bytes;
  StartThread();
}

void NextSegment::RetryLater() {
  if (!options_.ahead) return;
  MutexLock lock(mutex_);
  if (retry_ || stop_) return;
  retry_ = true;
  StartThread();
}

void NextSegment::Occupy() {
  while (making_) changed_.Wait(mutex_);
  making_ = true;
}

uint64_t NextSegment::made_bytes() {
  MutexLock lock(mutex_);
  while (making_) changed_.Wait(mutex_);
  return made_ ? made_->capacity : 0;
}

bool NextSegment::AwaitNextTry() {
  const auto next_try = std::chrono::steady_clock::now() + kRetryPeriod;
  MutexLock lock(mutex_);
  while (!stop_ && std::chrono::steady_clock::now() < next_try) {
    changed_.WaitUntil(mutex_, next_try);
  }
  return !stop_;
}

void NextSegment::Run() {
  NameThread("next-segment");
  while (true) {
    bool retry = false;
    {
      MutexLock lock(mutex_);
      while (!stop_ && !retry_ && wanted_ == 0) changed_.Wait(mutex_);
      if (stop_) return;
      retry = retry_;
    }
    if (!retry) {
      MakeAhead();
      continue;
    }
    if (!AwaitNextTry()) return;
    {
      MutexLock lock(mutex_);
      retry_ = false;
    }
    options_.retry();
  }
}

void NextSegment::MakeAhead() {
  std::optional<Made> made;
  {
    MutexLock lock(mutex_);
    Occupy();
    // If the segment was taken meanwhile, it still has the name of the next one.
    if (wanted_ == 0) {
      making_ = false;
      changed_.NotifyAll();
      return;
    }
    made = std::exchange(made_, std::nullopt);
  }
  absl::Status status;
  if (options_.room) status = options_.room(options_.segment_bytes);
  if (status.ok()) status = Make(made, options_.segment_bytes);
  {
    MutexLock lock(mutex_);
    made_ = std::move(made);
    making_ = false;
    if (status.ok()) wanted_ = 0;
    if (!status.ok() && !failing_) {
      Say(Severity::kWarning,
          fmt::format(
              "the log in {} cannot grow yet: {}: tried again each second; writes are taken "
              "until the current segment is full",
              directory_.log_path(), std::string(status.message())));
    }
    failing_ = !status.ok();
    changed_.NotifyAll();
  }
  if (!status.ok()) AwaitNextTry();
}

absl::StatusOr<NextSegment::Made> NextSegment::Take(uint64_t capacity) {
  std::optional<Made> made;
  {
    MutexLock lock(mutex_);
    Occupy();
    made = std::exchange(made_, std::nullopt);
  }
  const absl::Status status = Make(made, capacity);
  MutexLock lock(mutex_);
  making_ = false;
  wanted_ = 0;
  if (status.ok()) failing_ = false;
  changed_.NotifyAll();
  if (!status.ok()) return status;
  return *std::move(made);
}

absl::Status NextSegment::Make(std::optional<Made>& made, uint64_t capacity) {
  if (made && made->capacity >= capacity) return absl::OkStatus();
  Disk& disk = directory_.disk();
  absl::Status status;
  if (!made) {
    absl::Status removed = disk.Remove(path_);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk.Open(path_, OpenMode::kCreateFresh));
    made = Made{.file = std::move(file)};
  }
  status = Extend(*made, capacity);
  if (status.ok()) return status;
  made.reset();
  disk.Remove(path_).IgnoreError();  // the next start removes it too
  return status;
}

absl::Status NextSegment::Extend(Made& made, uint64_t capacity) {
  TRIPLA_RETURN_IF_ERROR(made.file->Allocate(capacity));
  TRIPLA_RETURN_IF_ERROR(FillWithZeros(*made.file, made.capacity, capacity));
  TRIPLA_RETURN_IF_ERROR(made.file->Sync());
  made.capacity = capacity;
  return absl::OkStatus();
}

void NextSegment::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
  MutexLock lock(mutex_);
  if (!made_) return;
  made_.reset();
  const absl::Status removed = directory_.disk().Remove(path_);
  if (removed.ok()) return;
  Say(Severity::kWarning, fmt::format("{}: the file stays, and the next start removes it",
                                      std::string(removed.message())));
}

}  // namespace tripla
