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
#include "disk/data_directory.h"
#include "log/local/fsync_policy.h"
#include "log/local/log_extent.h"
#include "log/local/log_replay.h"
#include "log/local/next_segment.h"
#include "log/local/segment_writer.h"
#include "log/log.h"

namespace tripla {

// The log of one server: appends each batch as one record to a file and makes it durable before it
// is applied and answered (R18). wal_format.h draws the files.
//
// Any failed write or fsync ends the process (design 6): nobody knows then what is on disk, and the
// next start finds out. Only when there is no room, or no descriptor, for a new segment is a batch
// refused: nothing was written then, and the next batch may find room again.
//
// Thread-safety: as Log. Batches are applied on the submitting thread. One thread of its own makes
// the next segment, and with an fsync interval another one syncs.
class LocalLog : public Log {
 public:
  struct Options {
    FsyncPolicy fsync;
    uint64_t segment_bytes = uint64_t{16} << 20;  // a larger batch gets a larger segment
    bool prepare_ahead = true;  // false: a segment is made when it is needed, for tests
    NextSegment::RoomFn room;   // whether the disk should give a new segment its bytes
  };

  // Opens the log behind an image that holds everything up to `applied`: applies what follows it,
  // makes a torn end clean and says so. When the image holds more than the log and `--log off`, or
  // a power cut without fsync, explains it, the log begins anew behind the image.
  //
  // `directory` outlives the log and is held by no other. Errors: as ReplayLog().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<LocalLog>> Open(
      const DataDirectory& directory, const Options& options, LogPosition applied, ApplyFn apply);

  ~LocalLog() override;

  void Submit(Batch batch, DoneFn done) override;
  [[nodiscard]] absl::Status ReleasePrefix(LogIndex through, Release release) override;
  [[nodiscard]] Status GetStatus() const override;
  [[nodiscard]] absl::Status CheckFiles() const override;
  // Also notes how far the log reaches, so that a start which finds less is refused (R18a).
  void Stop() override;

 private:
  LocalLog(const DataDirectory& directory, const Options& options, ApplyFn apply);

  // Takes over what was replayed.
  absl::Status Continue(LogContent content, LogPosition applied);
  // Writes `payload_` as a record, durably if so configured. ResourceExhausted: refused.
  absl::Status Write(LogIndex index);
  // Makes room for a record; a new segment when the current one is full. ResourceExhausted:
  // refused.
  absl::Status PrepareFor(uint64_t payload_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // What BeginSegment() gave: ends the process, or refuses, which is said once, shown by
  // GetStatus() and tried again each second.
  absl::Status NoteBegun(absl::Status begun, uint64_t capacity)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Begins the segment that was refused.
  void RetrySegment();
  // Goes on in a new segment of at least `capacity` bytes. ResourceExhausted: refused, and nothing
  // that counts has changed.
  absl::Status BeginSegment(uint64_t capacity) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Opens the extent, making it where there is none, and lets it promise what is there.
  absl::Status PromiseExtent(LogIndex newest_segment, LogIndex reached)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Removes all segments: an image holds what they hold.
  absl::Status BeginAnew(const LogContent& content, LogIndex applied)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  // Removes the segments that hold no record behind `through`, but the last.
  absl::Status RemoveSegments(LogIndex through);
  // Begins a small segment in place of one that one large record made large.
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
  // Has its name, which is not known to be durable: a former BeginSegment() was refused.
  std::unique_ptr<SegmentWriter> begun_ ABSL_GUARDED_BY(file_mutex_);
  uint64_t refused_capacity_ ABSL_GUARDED_BY(file_mutex_) = 0;  // 0: none was
  LogIndex synced_through_ ABSL_GUARDED_BY(file_mutex_) = 0;
  LogIndex written_through_ ABSL_GUARDED_BY(file_mutex_) = 0;

  // Never held over disk work of the writing thread, so that GetStatus() is quick.
  mutable Mutex status_mutex_;
  Condition stop_changed_;
  std::vector<SegmentFile> segments_ ABSL_GUARDED_BY(status_mutex_);
  std::string removing_ ABSL_GUARDED_BY(status_mutex_);  // the segment that ReleasePrefix() removes
  // The last segment and the extent, to ask whether they are still in place.
  std::shared_ptr<const File> written_ ABSL_GUARDED_BY(status_mutex_);
  std::shared_ptr<const File> extent_file_ ABSL_GUARDED_BY(status_mutex_);
  LogPosition last_ ABSL_GUARDED_BY(status_mutex_);
  bool stopped_ ABSL_GUARDED_BY(status_mutex_) = false;
  std::string refusal_ ABSL_GUARDED_BY(status_mutex_);  // why batches are refused, or empty

  NextSegment next_segment_;
  std::string payload_;  // of the record being made, kept for its memory
  std::thread sync_thread_;
};

}  // namespace tripla
