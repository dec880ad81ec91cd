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
#include "log/local/log_replay.h"
#include "log/local/segment_writer.h"
#include "log/log.h"

namespace tripla {

// The log of one server: appends each batch as one record to a file and makes it durable before it
// is applied and answered (R18). wal_format.h draws the files.
//
// What it cannot do, it ends the process for (design 6): after a failed write or fsync nobody knows
// what is on disk, so it is left to the next start to find out. Only a lack of space for a new
// segment is a refusal: then nothing was written, and the next batch may find room again.
//
// Thread-safety: as Log. Batches are applied on the submitting thread. With an fsync interval one
// thread of its own syncs.
class LocalLog : public Log {
 public:
  struct Options {
    FsyncPolicy fsync;
    uint64_t segment_bytes = uint64_t{16} << 20;  // a larger batch gets a larger segment
  };

  // Opens the log behind an image that holds everything up to `applied`: applies what follows it,
  // makes a torn end clean and says so. When the image holds more than the log (which `--log off`,
  // or a power cut without fsync, explains), the log begins anew behind the image.
  //
  // `directory` outlives the log and is held by no other. Errors: as ReplayLog().
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<LocalLog>> Open(
      const DataDirectory& directory, const Options& options, LogPosition applied, ApplyFn apply);

  ~LocalLog() override;

  void Submit(Batch batch, DoneFn done) override;
  [[nodiscard]] absl::Status ReleasePrefix(LogIndex through) override;
  [[nodiscard]] Status GetStatus() const override;
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
  void SyncWritten() ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  void SyncPeriodically();

  const DataDirectory& directory_;
  const Options options_;
  const ApplyFn apply_;

  // The file being written. Held while it is written or synced.
  mutable Mutex file_mutex_;
  std::unique_ptr<SegmentWriter> writer_ ABSL_GUARDED_BY(file_mutex_);
  LogIndex synced_through_ ABSL_GUARDED_BY(file_mutex_) = 0;
  LogIndex written_through_ ABSL_GUARDED_BY(file_mutex_) = 0;

  // Never held over disk work of the writing thread, so that GetStatus() is quick.
  mutable Mutex status_mutex_;
  Condition stop_changed_;
  std::vector<SegmentFile> segments_ ABSL_GUARDED_BY(status_mutex_);
  LogPosition last_ ABSL_GUARDED_BY(status_mutex_);
  bool stopped_ ABSL_GUARDED_BY(status_mutex_) = false;

  std::string payload_;  // of the record being made, kept for its memory
  std::thread sync_thread_;
};

}  // namespace tripla
