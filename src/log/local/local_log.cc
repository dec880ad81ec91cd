// SPDX-License-Identifier: Apache-2.0
#include "log/local/local_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "base/thread_name.h"
#include "model/batch_codec.h"

namespace tripla {
namespace {

// Ends the process if a disk operation failed (design 6).
void MustSucceed(const absl::Status& status) {
  if (!status.ok()) {
    Die(fmt::format(
        "{}; the log's state on disk is unknown, so the server stops: check the disk, then "
        "start it again",
        std::string(status.message())));
  }
}

absl::Status RemoveUnusedSegments(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          directory.disk().List(directory.log_path()));
  for (const std::string& name : names) {
    if (!wal::IsUnusedSegmentName(name)) continue;
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
    : directory_(directory),
      options_(options),
      apply_(std::move(apply)),
      next_segment_(directory, {.segment_bytes = options.segment_bytes,
                                .ahead = options.prepare_ahead,
                                .room = options.room,
                                .retry = [this] { RetrySegment(); }}) {}

LocalLog::~LocalLog() { Stop(); }

absl::Status LocalLog::Continue(LogContent content, LogPosition applied) {
  MutexLock file_lock(file_mutex_);
  MutexLock status_lock(status_mutex_);
  TRIPLA_RETURN_IF_ERROR(RemoveUnusedSegments(directory_));
  if (content.next_index <= applied.index) {
    TRIPLA_RETURN_IF_ERROR(BeginAnew(content, applied.index));
    content = {.next_index = applied.index + 1};
  }
  if (!content.segments.empty()) {
    const SegmentFile& active = content.segments.back();
    if (!content.last_end.clean) {
      Say(Severity::kWarning,
          fmt::format("{}, offset {}: record {} is torn ({}): it never became durable, so fsync "
                      "always never acknowledged it; it is dropped with everything after it",
                      active.path, content.last_end.offset, content.next_index,
                      content.last_end.torn.empty() ? "its beginning was not written"
                                                    : content.last_end.torn));
    }
    TRIPLA_ASSIGN_OR_RETURN(writer_, SegmentWriter::Reopen(directory_, active, content.last_end));
    // A crash may have come between the renaming of the segment and the sync: the extent must not
    // name a segment whose name a power cut can still undo.
    TRIPLA_RETURN_IF_ERROR(directory_.disk().SyncDirectory(directory_.log_path()));
  }
  segments_ = std::move(content.segments);
  if (writer_ != nullptr) written_ = writer_->file();
  last_ = {.index = content.next_index - 1};
  written_through_ = synced_through_ = last_.index;
  const absl::Status promised =
      PromiseExtent(segments_.empty() ? 0 : segments_.back().first_index, last_.index);
  if (promised.ok()) extent_file_ = extent_->file();
  if (!absl::IsResourceExhausted(promised)) return promised;
  // The former extent still holds.
  Say(Severity::kWarning,
      fmt::format("how far the log reaches cannot be written yet: {}; this is tried "
                  "again with the next segment",
                  std::string(promised.message())));
  return absl::OkStatus();
}

absl::Status LocalLog::BeginAnew(const LogContent& content, LogIndex applied) {
  if (content.segments.empty()) return absl::OkStatus();
  Say(Severity::kWarning,
      fmt::format("the log ends with record {}, but the image holds all up to {}: the log starts "
                  "again after the image",
                  content.next_index - 1, applied));
  // First, so that a start after a crash in between does not report removed segments as missing.
  if (content.extent) {
    TRIPLA_ASSIGN_OR_RETURN(extent_, LogExtent::Open(directory_, options_.new_log_id));
    TRIPLA_RETURN_IF_ERROR(
        extent_->Write({.log_on = true, .durable_first = false, .reached = applied}));
  }
  for (const SegmentFile& segment : content.segments) {
    TRIPLA_RETURN_IF_ERROR(directory_.disk().Remove(segment.path));
  }
  return directory_.disk().SyncDirectory(directory_.log_path());
}

absl::Status LocalLog::PromiseExtent(LogIndex newest_segment, LogIndex reached) {
  if (extent_ == nullptr) {
    TRIPLA_ASSIGN_OR_RETURN(extent_, LogExtent::Open(directory_, options_.new_log_id));
  }
  return extent_->Write({.log_on = true,
                         .durable_first = options_.fsync.mode == FsyncPolicy::Mode::kAlways,
                         .newest_segment = newest_segment,
                         .reached = reached});
}

void LocalLog::Submit(Batch batch, DoneFn done) {
  LogPosition position;
  {
    MutexLock lock(status_mutex_);
    if (stopped_) return done(absl::UnavailableError("the server is shutting down"));
    position = {.index = last_.index + 1};
  }
  ShrinkToUsual(payload_);
  payload_.clear();
  EncodeBatch(batch, payload_);
  if (absl::Status written = Write(position.index, AwaitRoom()); !written.ok()) {
    return done(std::move(written));
  }
  {
    MutexLock lock(status_mutex_);
    last_ = position;
  }
  done(apply_(position, batch));
}

bool LocalLog::Fits(uint64_t payload_bytes) const {
  // Once the next segment has its name, no more records go into the current one.
  return begun_ == nullptr && writer_ != nullptr && writer_->Fits(payload_bytes);
}

absl::Status LocalLog::AwaitRoom() {
  if (!options_.await_room) return absl::OkStatus();
  const uint64_t capacity = SegmentWriter::CapacityFor(payload_.size(), options_.segment_bytes);
  {
    MutexLock lock(file_mutex_);
    if (Fits(payload_.size()) || CheckRoom(capacity).ok()) return absl::OkStatus();
  }
  // Without the mutex: ReleasePrefix(), which makes the room, may need it.
  return options_.await_room(capacity - std::min(capacity, next_segment_.made_bytes()));
}

absl::Status LocalLog::CheckRoom(uint64_t capacity) {
  if (begun_ != nullptr && begun_->capacity() >= capacity) return absl::OkStatus();
  const uint64_t made = next_segment_.made_bytes();
  if (made >= capacity || !options_.room) return absl::OkStatus();
  return options_.room(capacity - made);
}

absl::Status LocalLog::Write(LogIndex index, const absl::Status& room) {
  MutexLock lock(file_mutex_);
  TRIPLA_CHECK(index == written_through_ + 1, "the log would have a gap, or a record twice");
  TRIPLA_CHECK(synced_through_ <= written_through_, "what was not written cannot be durable");
  TRIPLA_RETURN_IF_ERROR(PrepareFor(payload_.size(), room));
  MustSucceed(writer_->Append(index, synced_through_, payload_));
  written_through_ = index;
  if (options_.fsync.mode == FsyncPolicy::Mode::kAlways) SyncWritten();
  return absl::OkStatus();
}

absl::Status LocalLog::PrepareFor(uint64_t payload_bytes, const absl::Status& room) {
  if (Fits(payload_bytes)) {
    if (writer_->used() >= writer_->capacity() / 4) next_segment_.Begin();
    return absl::OkStatus();
  }
  return BeginIfRoom(room, SegmentWriter::CapacityFor(payload_bytes, options_.segment_bytes));
}

absl::Status LocalLog::BeginIfRoom(const absl::Status& room, uint64_t capacity) {
  const absl::Status begun = room.ok() ? BeginSegment(capacity) : room;
  if (!absl::IsResourceExhausted(begun)) MustSucceed(begun);
  const std::string why(begun.message());
  std::string before;
  {
    MutexLock lock(status_mutex_);
    before = std::exchange(refusal_, why);
  }
  refused_capacity_ = begun.ok() ? 0 : capacity;
  if (begun.ok()) {
    if (!before.empty()) {
      Say(Severity::kInfo, fmt::format("the log in {} can grow again: writes are taken again",
                                       directory_.log_path()));
    }
    return begun;
  }
  if (before.empty()) {
    Say(Severity::kError,
        fmt::format(
            "the log in {} cannot grow: {}: writes are refused until it can, which is tried "
            "each second; reads are still answered",
            directory_.log_path(), why));
  }
  next_segment_.RetryLater();
  return absl::ResourceExhaustedError(
      fmt::format("the server cannot write, its log cannot grow: {}; try again later", why));
}

void LocalLog::RetrySegment() {
  MutexLock lock(file_mutex_);
  if (refused_capacity_ == 0) return;
  const uint64_t capacity = refused_capacity_;
  BeginIfRoom(CheckRoom(capacity), capacity).IgnoreError();  // it was reported
}

absl::Status LocalLog::BeginSegment(uint64_t capacity) {
  // A segment is durable before the next one exists, so only the last can be torn.
  SyncWritten();
  const LogIndex first_index = written_through_ + 1;
  {
    MutexLock lock(status_mutex_);
    // A segment without records is replaced under the same name; CheckFiles() must not miss it.
    if (!segments_.empty() && segments_.back().first_index == first_index) written_ = nullptr;
  }
  // The extent must exist before any segment that needs it.
  if (extent_ == nullptr) {
    TRIPLA_ASSIGN_OR_RETURN(extent_, LogExtent::Open(directory_, options_.new_log_id));
  }
  TRIPLA_CHECK(begun_ == nullptr || begun_->used() == wal::kSectorBytes,
               "no record is written before the segment's name is durable");
  if (begun_ == nullptr || begun_->capacity() < capacity) {
    TRIPLA_ASSIGN_OR_RETURN(NextSegment::Made made, next_segment_.Take(capacity));
    TRIPLA_ASSIGN_OR_RETURN(
        begun_, SegmentWriter::Begin(directory_, std::move(made), next_segment_.path(), first_index,
                                     extent_->extent().log_id));
  }
  TRIPLA_RETURN_IF_ERROR(directory_.disk().SyncDirectory(directory_.log_path()));
  TRIPLA_RETURN_IF_ERROR(PromiseExtent(first_index, written_through_));
  writer_ = std::move(begun_);
  MutexLock lock(status_mutex_);
  // A crash can leave a segment without records. If it is too small for the first one, it is
  // replaced.
  if (!segments_.empty() && segments_.back().first_index == first_index) segments_.pop_back();
  TRIPLA_CHECK(segments_.empty() || segments_.back().first_index < first_index,
               "segments are in the order of their records");
  written_ = writer_->file();
  extent_file_ = extent_->file();
  segments_.push_back(
      {.path = writer_->path(), .first_index = first_index, .bytes = writer_->capacity()});
  return absl::OkStatus();
}

absl::Status LocalLog::LeaveLargeSegment(LogIndex through) {
  MutexLock lock(file_mutex_);
  if (writer_ == nullptr || writer_->capacity() <= options_.segment_bytes) return absl::OkStatus();
  if (written_through_ > through || writer_->used() <= wal::kSectorBytes) return absl::OkStatus();
  return BeginIfRoom(CheckRoom(options_.segment_bytes), options_.segment_bytes);
}

absl::Status LocalLog::ReleasePrefix(LogIndex through, Release release) {
  TRIPLA_RETURN_IF_ERROR(RemoveSegments(through));
  if (release != Release::kAll) return absl::OkStatus();
  TRIPLA_RETURN_IF_ERROR(LeaveLargeSegment(through));
  return RemoveSegments(through);
}

absl::Status LocalLog::RemoveSegments(LogIndex through) {
  // Only one thread releases; meanwhile others can only add segments.
  while (true) {
    SegmentFile oldest;
    {
      MutexLock lock(status_mutex_);
      if (segments_.size() < 2 || segments_[1].first_index > through + 1) break;
      oldest = segments_.front();
      removing_ = oldest.path;
    }
    // Not found: an earlier call removed it, but its sync failed.
    const absl::Status removed = directory_.disk().Remove(oldest.path);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    // Oldest first, each durably, so that the rest never has a gap.
    TRIPLA_RETURN_IF_ERROR(directory_.disk().SyncDirectory(directory_.log_path()));
    MutexLock lock(status_mutex_);
    TRIPLA_CHECK(segments_.size() >= 2, "the segment being written is never removed");
    segments_.erase(segments_.begin());
  }
  return absl::OkStatus();
}

absl::Status LocalLog::CheckFiles() const {
  MutexLock lock(status_mutex_);
  std::string lost;
  for (const SegmentFile& segment : segments_) {
    if (segment.path == removing_) continue;
    if (absl::IsNotFound(directory_.disk().Space(segment.path).status())) lost = segment.path;
  }
  for (const std::shared_ptr<const File>& file : {written_, extent_file_}) {
    if (file != nullptr && !file->IsInPlace()) lost = file->path();
  }
  if (lost.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{} was removed, moved or replaced while this server writes the log; put it back before the "
      "next start, which needs it, or restore the data directory from a copy",
      lost));
}

Log::Stats LocalLog::GetStats() const {
  MutexLock lock(status_mutex_);
  Stats stats{.last = last_,
              .first = segments_.empty() ? last_.index + 1 : segments_.front().first_index,
              .durability = "fsync " + FsyncPolicyText(options_.fsync)};
  for (const SegmentFile& segment : segments_) stats.bytes += segment.bytes;
  stats.refusal = refusal_;
  return stats;
}

void LocalLog::Stop() {
  {
    MutexLock lock(status_mutex_);
    stopped_ = true;
    stop_changed_.NotifyAll();
  }
  if (sync_thread_.joinable()) sync_thread_.join();
  next_segment_.Stop();
  MutexLock lock(file_mutex_);
  SyncWritten();
  if (extent_ == nullptr) return;
  const absl::Status promised = PromiseExtent(extent_->extent().newest_segment, written_through_);
  if (promised.ok()) return;
  Say(Severity::kWarning,
      fmt::format(
          "all records are durable, but how far the log reaches could not be written: {}; a "
          "start will not notice if the last records are lost",
          std::string(promised.message())));
}

void LocalLog::SyncWritten() {
  if (writer_ == nullptr || synced_through_ == written_through_) return;
  MustSucceed(writer_->Sync());
  synced_through_ = written_through_;
}

void LocalLog::SyncPeriodically() {
  NameThread("log-sync");
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
