// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "base/random_number.h"
#include "disk/data_directory.h"
#include "log/local/fsync_policy.h"
#include "log/local/log_extent.h"
#include "log/local/log_replay.h"
#include "log/local/next_segment.h"
#include "log/local/segment_writer.h"
#include "log/local/wal_format.h"
#include "log/log.h"

namespace tripla {

// The log of one server: appends each batch as one record to a file and makes it durable before it
// is applied and answered (R18). wal_format.h draws the files.
//
// Any failed write or fsync ends the process (design 6), because the state of the disk is then
// unknown until the next start reads it. There is one exception: without room or a descriptor for a
// new segment a batch is refused, since nothing was written; the next batch may succeed again.
//
// Thread-safety: as Log. Batches are applied on the submitting thread. The log's own threads make
// the next segment and, with an fsync interval, sync.
class LocalLog : public Log {
 public:
  struct Options {
    FsyncPolicy fsync;
    uint64_t segment_bytes = uint64_t{16} << 20;  // a larger batch gets a larger segment
    uint64_t new_log_id = RandomNumber();         // of a log that has no extent yet
    bool prepare_ahead = true;       // false: a segment is made when it is needed, for tests
    NextSegment::RoomFn room;        // whether a new segment may take its bytes from the disk
    NextSegment::RoomFn await_room;  // as `room`, but may wait for a while; for a batch
  };

  // Opens the log for an image that holds everything up to `applied`: applies the records after it,
  // and clears a torn end with a warning. If the image holds more than the log, and `--log off` or
  // a power cut without fsync explains that, the log starts again after the image.
  //
  // `directory` outlives the log and is not shared with another. Errors: as ReplayLog().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<LocalLog>> Open(
      const DataDirectory& directory, const Options& options, LogPosition applied, ApplyFn apply);

  ~LocalLog() override;

  void Submit(Batch batch, DoneFn done) override;
  [[nodiscard]] absl::Status ReleasePrefix(LogIndex through, Release release) override;
  [[nodiscard]] Stats GetStats() const override;
  [[nodiscard]] absl::Status CheckFiles() const override;
  // Also records how far the log reaches, so that a start which finds less is refused (R18a).
  void Stop() override;

 private:
  LocalLog(const DataDirectory& directory, const Options& options, ApplyFn apply);

  // Continues the log that was replayed.
  absl::Status Continue(LogContent content, LogPosition applied);
  // Whether there is room for the segment that `payload_` needs, if it needs one.
  absl::Status AwaitRoom();
  // Whether a segment may be begun of the room that there is.
  absl::Status CheckRoom(uint64_t capacity) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Writes `payload_` as a record, durably if so configured. `room` is the result of AwaitRoom().
  // ResourceExhausted: refused.
  absl::Status Write(LogIndex index, const absl::Status& room);
  // Whether the current segment has room for a record.
  [[nodiscard]] bool Fits(uint64_t payload_bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Makes room for a record, in a new segment if the current one is full. ResourceExhausted:
  // refused.
  absl::Status PrepareFor(uint64_t payload_bytes, const absl::Status& room)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Calls BeginSegment() if there is `room`: ends the process on a failed write or sync. A refusal
  // is printed once, shown by GetStats(), and tried again each second.
  absl::Status BeginIfRoom(const absl::Status& room, uint64_t capacity)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Tries to begin the refused segment again.
  void RetrySegment();
  // Continues in a new segment of at least `capacity` bytes. ResourceExhausted: refused, and the
  // log is unchanged.
  absl::Status BeginSegment(uint64_t capacity) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Opens the extent, or makes it, and writes how far the log reaches.
  absl::Status PromiseExtent(LogIndex newest_segment, LogIndex reached)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Removes all segments, whose records an image holds.
  absl::Status BeginAnew(const LogContent& content, LogIndex applied)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Removes the segments without records after `through`, except the last.
  absl::Status RemoveSegments(LogIndex through);
  // Begins a segment of the usual size after one that a large record made larger.
  absl::Status LeaveLargeSegment(LogIndex through);
  void SyncWritten() ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  void SyncPeriodically();

  const DataDirectory& directory_;
  const Options options_;
  const ApplyFn apply_;

  // The file being written. Held while it is written or synced.
  mutable Mutex file_mutex_;
  std::unique_ptr<LogExtent> extent_ ABSL_GUARDED_BY(file_mutex_);
  std::unique_ptr<SegmentWriter> writer_ ABSL_GUARDED_BY(file_mutex_);
  // A segment whose name may not be durable yet, because an earlier BeginSegment() was refused.
  std::unique_ptr<SegmentWriter> begun_ ABSL_GUARDED_BY(file_mutex_);
  uint64_t refused_capacity_ ABSL_GUARDED_BY(file_mutex_) = 0;  // 0: no segment was refused
  LogIndex synced_through_ ABSL_GUARDED_BY(file_mutex_) = 0;
  LogIndex written_through_ ABSL_GUARDED_BY(file_mutex_) = 0;

  // Never held during disk work of the writing thread, so that GetStats() is fast.
  mutable Mutex status_mutex_;
  Condition stop_changed_;
  std::vector<SegmentFile> segments_ ABSL_GUARDED_BY(status_mutex_);
  std::string removing_ ABSL_GUARDED_BY(status_mutex_);  // the segment that ReleasePrefix() removes
  // The last segment and the extent, for CheckFiles().
  std::shared_ptr<const File> written_ ABSL_GUARDED_BY(status_mutex_);
  std::shared_ptr<const File> extent_file_ ABSL_GUARDED_BY(status_mutex_);
  LogPosition last_ ABSL_GUARDED_BY(status_mutex_);
  bool stopped_ ABSL_GUARDED_BY(status_mutex_) = false;
  std::string refusal_ ABSL_GUARDED_BY(status_mutex_);  // why batches are refused, or empty

  NextSegment next_segment_;
  std::string payload_;  // of the record being written; a member so that its memory is reused
  std::thread sync_thread_;
};

}  // namespace tripla
