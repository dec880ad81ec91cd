// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "disk/data_directory.h"
#include "log/local/local_log.h"

// Shared by the tests of the local log: batches that show their index, and a log that records the
// batches it applied.
namespace tripla {

// Small enough that a few records fill a segment.
inline constexpr uint64_t kTestSegmentBytes = 1536;

// The batch that the tests submit at `index`. The records differ in size: within a sector, over
// several, with sectors of zeros inside, and at 11, 22 ... larger than a test's segment.
inline Batch SampleBatch(LogIndex index) {
  static constexpr size_t kDataBytes[] = {0, 90, 3, 461, 24, 700, 150};
  const size_t data_bytes = index % 11 == 0 ? 2500 : kDataBytes[index % 7];
  Command set{.kind = CommandKind::kSet,
              .key = *Key::Parse(std::to_string(index)),
              .timestamp = -static_cast<int64_t>(index)};
  for (size_t i = 0; i < data_bytes; ++i) {
    set.data += i / 600 % 2 == 0 ? static_cast<char>('a' + (index + i) % 26) : '\0';
  }
  Batch batch{{std::move(set)}};
  if (index % 3 == 0) batch.commands.push_back({.kind = CommandKind::kDel, .key = Key()});
  return batch;
}

// A data directory /data and the log in it; closed and opened again as a server would.
class TestLog {
 public:
  // With `prepare_ahead` a thread makes the next segment, so the order of disk operations varies.
  explicit TestLog(Disk& disk, FsyncPolicy fsync = {}, std::string path = "/data",
                   bool prepare_ahead = false)
      : disk_(disk),
        path_(std::move(path)),
        options_{
            .fsync = fsync, .segment_bytes = kTestSegmentBytes, .prepare_ahead = prepare_ahead} {}

  // Opens the log for an image of everything up to `image`.
  absl::Status Open(LogIndex image = 0) {
    Close();
    batches_.clear();
    absl::StatusOr<DataDirectory> directory = DataDirectory::Open(disk_, path_);
    TRIPLA_RETURN_IF_ERROR(directory.status());
    directory_.emplace(*std::move(directory));
    absl::StatusOr<std::unique_ptr<LocalLog>> log = LocalLog::Open(
        *directory_, options_, {.index = image}, [this](LogPosition position, const Batch& batch) {
          batches_[position.index] = batch;
          return std::vector<Outcome>(batch.commands.size());
        });
    if (log.ok()) log_ = *std::move(log);
    return log.status();
  }

  // Whether there is room for a segment; `await` is asked when a batch needs one and `now` says no.
  // Call it before Open().
  void SetRoom(NextSegment::RoomFn now, NextSegment::RoomFn await) {
    options_.room = std::move(now);
    options_.await_room = std::move(await);
  }

  // An orderly stop. After FaultyDisk::Restart() it is a crash: nothing reaches the disk any more.
  void Close() {
    log_.reset();
    directory_.reset();
  }

  absl::Status Submit(Batch batch) {
    absl::Status answer = absl::UnknownError("not answered");
    log_->Submit(std::move(batch), [&](const auto& outcomes) { answer = outcomes.status(); });
    return answer;
  }
  // Submits the next batch.
  absl::Status SubmitNext() { return Submit(SampleBatch(log_->GetStats().last.index + 1)); }

  LocalLog& operator*() { return *log_; }
  LocalLog* operator->() { return log_.get(); }

  // The batches applied since Open(), by index.
  [[nodiscard]] const std::map<LogIndex, Batch>& batches() const { return batches_; }

 private:
  Disk& disk_;
  const std::string path_;
  LocalLog::Options options_;
  std::optional<DataDirectory> directory_;
  std::unique_ptr<LocalLog> log_;
  std::map<LogIndex, Batch> batches_;
};

// The sample batches from `first` to `last`, inclusive.
inline std::map<LogIndex, Batch> SampleBatches(LogIndex first, LogIndex last) {
  std::map<LogIndex, Batch> batches;
  for (LogIndex index = first; index <= last; ++index) batches[index] = SampleBatch(index);
  return batches;
}

}  // namespace tripla
