// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "disk/faulty_disk.h"
#include "snapshot/image_test_state.h"
#include "snapshot/snapshot_schedule.h"

namespace tripla {

// The part of a log that the schedule uses. ReleasePrefix(), the schedule's last step for an image,
// calls `on_release` on the schedule's thread.
class FakeLog : public Log {
 public:
  void Submit(Batch, DoneFn) override {}
  absl::Status ReleasePrefix(LogIndex through, Release) override {
    if (on_release) on_release(through);
    return release_status;
  }
  Stats GetStats() const override {
    if (on_look) on_look();
    return {.bytes = bytes.load()};
  }
  void Stop() override {}

  std::atomic<uint64_t> bytes{0};
  std::function<void()> on_look;
  std::function<void(LogIndex)> on_release;
  absl::Status release_status;
};

// A disk that calls `on_removed` after each Remove(), whose files call `on_write` before each write
// and `on_truncate` before each Truncate(), and which records how much work it gets at once: bytes
// of a file to write at a Sync(), or to free at a Truncate() or Remove().
class WatchedDisk : public FaultyDisk {
 public:
  absl::StatusOr<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  absl::Status Remove(const std::string& path) override {
    if (const auto file = FaultyDisk::Open(path, OpenMode::kRead); file.ok()) {
      most_removed = std::max(most_removed, *(*file)->Size());
    }
    const absl::Status removed = FaultyDisk::Remove(path);
    if (on_removed) on_removed();
    return removed;
  }
  std::function<void()> on_write;
  std::function<void()> on_truncate;
  std::function<void()> on_removed;
  uint64_t most_written = 0;
  uint64_t most_removed = 0;
};

class WatchedFile : public File {
 public:
  WatchedFile(WatchedDisk& disk, std::unique_ptr<File> file)
      : disk_(disk), file_(std::move(file)) {}
  absl::Status WriteAt(uint64_t offset, std::string_view bytes) override {
    if (disk_.on_write) disk_.on_write();
    unsynced_ += bytes.size();
    return file_->WriteAt(offset, bytes);
  }
  absl::StatusOr<size_t> ReadAt(uint64_t offset, char* to, size_t size) override {
    return file_->ReadAt(offset, to, size);
  }
  absl::Status Sync() override {
    disk_.most_written = std::max(disk_.most_written, std::exchange(unsynced_, 0));
    return file_->Sync();
  }
  absl::Status Truncate(uint64_t size) override {
    if (disk_.on_truncate) disk_.on_truncate();
    disk_.most_removed = std::max(disk_.most_removed, *file_->Size() - size);
    return file_->Truncate(size);
  }
  absl::Status Allocate(uint64_t size) override { return file_->Allocate(size); }
  absl::StatusOr<uint64_t> Size() override { return file_->Size(); }
  const std::string& path() const override { return file_->path(); }
  void SetPath(std::string path) override { file_->SetPath(std::move(path)); }

 private:
  WatchedDisk& disk_;
  const std::unique_ptr<File> file_;
  uint64_t unsynced_ = 0;
};

inline absl::StatusOr<std::unique_ptr<File>> WatchedDisk::Open(const std::string& path,
                                                               OpenMode mode) {
  auto file = FaultyDisk::Open(path, mode);
  if (!file.ok()) return file.status();
  return std::make_unique<WatchedFile>(*this, *std::move(file));
}

class SnapshotScheduleTest : public testing::Test {
 protected:
  using Answer = absl::StatusOr<ImageSummary>;

  void ApplyOne() {
    const std::string key = std::to_string(machine_.GetSummary().position.index);
    ApplyNext(machine_, MakeCommand(CommandKind::kSet, key, "data"));
  }
  void Start(SnapshotSchedule::Options options) {
    schedule_ = std::make_unique<SnapshotSchedule>(images_, machine_, log_, options);
  }
  std::future<Answer> Request() {
    auto answer = std::make_shared<std::promise<Answer>>();
    schedule_->Request([answer](Answer image) { answer->set_value(std::move(image)); });
    return answer->get_future();
  }
  // Returns once the schedule says that it has been stopped, which it does at once.
  void AwaitStop() {
    const auto stopped = std::make_shared<std::atomic<bool>>(false);
    while (!*stopped) {
      schedule_->Request([stopped](const Answer&) { *stopped = true; });
      std::this_thread::yield();
    }
  }

  WatchedDisk disk_;
  DataDirectory directory_ = *DataDirectory::Open(disk_, "/data");
  ImageStore images_{directory_};
  StateMachine machine_;
  FakeLog log_;
  std::unique_ptr<SnapshotSchedule> schedule_;  // last: its thread uses the rest
};

inline constexpr SnapshotSchedule::Options kOnRequestOnly{.interval = std::chrono::milliseconds(0)};

}  // namespace tripla
