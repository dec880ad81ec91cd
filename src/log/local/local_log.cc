// SPDX-License-Identifier: Apache-2.0
#include "log/local/local_log.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>

#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "model/batch_codec.h"

namespace tripla {
namespace {

// Ends the process unless the disk did what it was told (design 6).
void MustSucceed(const absl::Status& status) {
  if (!status.ok()) {
    Die(fmt::format(
        "{}; the log's state on disk is unknown, so the server stops: check the disk, then "
        "start it again",
        std::string(status.message())));
  }
}

absl::Status RemovePartialSegments(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          directory.disk().List(directory.log_path()));
  for (const std::string& name : names) {
    if (!wal::IsPartialSegmentName(name)) continue;
    TRIPLA_RETURN_IF_ERROR(directory.disk().Remove(directory.log_path() + "/" + name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalLog>> LocalLog::Open(const DataDirectory& directory,
                                                         const Options& options,
                                                         LogPosition applied, ApplyFn apply) {
  const auto replay = [&](LogIndex index, Batch batch, const std::string&, uint64_t) {
    apply({.index = index}, batch);
    return absl::OkStatus();
  };
  TRIPLA_ASSIGN_OR_RETURN(LogContent content, ReplayLog(directory, applied.index, replay));
  std::unique_ptr<LocalLog> log(new LocalLog(directory, options, std::move(apply)));
  TRIPLA_RETURN_IF_ERROR(log->Continue(std::move(content), applied));
  if (options.fsync.mode == FsyncPolicy::Mode::kInterval) {
    log->sync_thread_ = std::thread([log = log.get()] { log->SyncPeriodically(); });
  }
  return log;
}

LocalLog::LocalLog(const DataDirectory& directory, const Options& options, ApplyFn apply)
    : directory_(directory), options_(options), apply_(std::move(apply)) {}

LocalLog::~LocalLog() { Stop(); }

absl::Status LocalLog::Continue(LogContent content, LogPosition applied) {
  MutexLock file_lock(file_mutex_);
  MutexLock status_lock(status_mutex_);
  TRIPLA_RETURN_IF_ERROR(RemovePartialSegments(directory_));
  if (content.next_index <= applied.index) {
    if (!content.segments.empty()) {
      Say(Severity::kWarning,
          fmt::format(
              "the log ends with record {}, but the image holds all up to {}: the log begins "
              "anew behind the image",
              content.next_index - 1, applied.index));
    }
    for (const SegmentFile& segment : content.segments) {
      TRIPLA_RETURN_IF_ERROR(directory_.disk().Remove(segment.path));
    }
    TRIPLA_RETURN_IF_ERROR(directory_.disk().SyncDirectory(directory_.log_path()));
    content = {.next_index = applied.index + 1};
  }
  if (!content.segments.empty()) {
    const SegmentFile& active = content.segments.back();
    if (!content.last_end.clean) {
      Say(Severity::kWarning,
          fmt::format("{}, offset {}: record {} is torn ({}): it never became durable, so fsync "
                      "always never acknowledged it; it is dropped with all behind it",
                      active.path, content.last_end.offset, content.next_index,
                      content.last_end.torn.empty() ? "its beginning was not written"
                                                    : content.last_end.torn));
    }
    TRIPLA_ASSIGN_OR_RETURN(writer_, SegmentWriter::Reopen(directory_, active, content.last_end));
  }
  segments_ = std::move(content.segments);
  last_ = {.index = content.next_index - 1};
  written_through_ = synced_through_ = last_.index;
  return absl::OkStatus();
}

void LocalLog::Submit(Batch batch, DoneFn done) {
  LogPosition position;
  {
    MutexLock lock(status_mutex_);
    if (stopped_) return done(absl::UnavailableError("the server is shutting down"));
    position = {.index = last_.index + 1};
  }
  payload_.clear();
  EncodeBatch(batch, payload_);
  if (absl::Status written = Write(position.index); !written.ok()) {
    return done(std::move(written));
  }
  {
    MutexLock lock(status_mutex_);
    last_ = position;
  }
  done(apply_(position, batch));
}

absl::Status LocalLog::Write(LogIndex index) {
  MutexLock lock(file_mutex_);
  TRIPLA_RETURN_IF_ERROR(PrepareFor(payload_.size()));
  MustSucceed(writer_->Append(index, synced_through_, payload_));
  written_through_ = index;
  if (options_.fsync.mode == FsyncPolicy::Mode::kAlways) SyncWritten();
  return absl::OkStatus();
}

absl::Status LocalLog::PrepareFor(uint64_t payload_bytes) {
  if (writer_ != nullptr && writer_->Fits(payload_bytes)) return absl::OkStatus();
  // A segment is durable before the next one exists: only the last can be torn.
  SyncWritten();
  const LogIndex first_index = written_through_ + 1;
  const uint64_t capacity = SegmentWriter::CapacityFor(payload_bytes, options_.segment_bytes);
  absl::StatusOr<std::unique_ptr<SegmentWriter>> created =
      SegmentWriter::Create(directory_, first_index, capacity);
  if (absl::IsResourceExhausted(created.status())) {
    return absl::ResourceExhaustedError(
        fmt::format("the server's disk is full, the log cannot grow ({}); free some space and try "
                    "again",
                    std::string(created.status().message())));
  }
  MustSucceed(created.status());
  writer_ = *std::move(created);
  MutexLock lock(status_mutex_);
  // A crash can leave a segment without records behind. Too small for its first, it is replaced.
  if (!segments_.empty() && segments_.back().first_index == first_index) segments_.pop_back();
  segments_.push_back({.path = writer_->path(), .first_index = first_index, .bytes = capacity});
  return absl::OkStatus();
}

absl::Status LocalLog::ReleasePrefix(LogIndex through) {
  // One thread releases, so the list only grows behind its back.
  while (true) {
    SegmentFile oldest;
    {
      MutexLock lock(status_mutex_);
      if (segments_.size() < 2 || segments_[1].first_index > through + 1) break;
      oldest = segments_.front();
    }
    // Not found: a former call removed it, and then the sync failed.
    const absl::Status removed = directory_.disk().Remove(oldest.path);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    // Oldest first, each durably: what is left has no gap at any moment.
    TRIPLA_RETURN_IF_ERROR(directory_.disk().SyncDirectory(directory_.log_path()));
    MutexLock lock(status_mutex_);
    segments_.erase(segments_.begin());
  }
  return absl::OkStatus();
}

Log::Status LocalLog::GetStatus() const {
  MutexLock lock(status_mutex_);
  Status status{.last = last_,
                .first = segments_.empty() ? last_.index + 1 : segments_.front().first_index,
                .durability = "fsync " + FsyncPolicyText(options_.fsync)};
  for (const SegmentFile& segment : segments_) status.bytes += segment.bytes;
  return status;
}

void LocalLog::Stop() {
  {
    MutexLock lock(status_mutex_);
    stopped_ = true;
    stop_changed_.NotifyAll();
  }
  if (sync_thread_.joinable()) sync_thread_.join();
  MutexLock lock(file_mutex_);
  SyncWritten();
}

void LocalLog::SyncWritten() {
  if (writer_ == nullptr || synced_through_ == written_through_) return;
  MustSucceed(writer_->Sync());
  synced_through_ = written_through_;
}

void LocalLog::SyncPeriodically() {
  while (true) {
    {
      MutexLock lock(status_mutex_);
      const auto deadline = std::chrono::steady_clock::now() + options_.fsync.interval;
      while (!stopped_ && std::chrono::steady_clock::now() < deadline) {
        stop_changed_.WaitUntil(status_mutex_, deadline);
      }
      if (stopped_) return;
    }
    MutexLock lock(file_mutex_);
    SyncWritten();
  }
}

}  // namespace tripla
