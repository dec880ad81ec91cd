// SPDX-License-Identifier: Apache-2.0
// What the schedule does when the disk is nearly full (S14).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "snapshot/snapshot_schedule_test.h"

namespace tripla {
namespace {

TEST_F(SnapshotScheduleTest, S14_OnAFullDiskTheNewestImageAloneLetsTheLogGo) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<LogIndex> released;
  log_.on_release = [&](LogIndex through) {
    const std::lock_guard lock(mutex);
    released.push_back(through);
    changed.notify_all();
  };
  const auto await_release = [&](LogIndex through) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(30),
                            [&] { return !released.empty() && released.back() == through; });
  };
  Start(kOnRequestOnly);
  for (int i = 0; i < 2; ++i) {
    ApplyOne();
    ASSERT_TRUE(Request().get().ok());
  }
  EXPECT_TRUE(await_release(1)) << "the older image's";
  schedule_->MakeRoom(/*image_fits=*/false);
  EXPECT_TRUE(await_release(2));
  ApplyOne();
  schedule_->MakeRoom(false);
  schedule_->MakeRoom(true);
  EXPECT_TRUE(await_release(3)) << "an image of what is newer was written first";
  schedule_->Stop();
  EXPECT_EQ(disk_.List("/data/image")->size(), 1u);
  EXPECT_EQ(images_.newest()->position.index, 3u);
}

// To drop a large segment the log needs room for another one, which the older image may take.
TEST_F(SnapshotScheduleTest, S14_OnAFullDiskTheOlderImageGoesBeforeTheLog) {
  std::atomic<size_t> images = 0;
  log_.on_release = [&](LogIndex through) {
    if (through == 2) images = disk_.List("/data/image")->size();
  };
  log_.release_status = absl::ResourceExhaustedError("no room for a segment");
  Start(kOnRequestOnly);
  for (int i = 0; i < 2; ++i) {
    ApplyOne();
    ASSERT_TRUE(Request().get().ok());
  }
  schedule_->MakeRoom(/*image_fits=*/false);
  while (images == 0) std::this_thread::yield();
  EXPECT_EQ(images, 1u);
}

// While the files went that an image replaced, writes were taken for all that this freed, and the
// next image had no room: a disk of 150 MB stayed read-only for good.
TEST_F(SnapshotScheduleTest, S14_WhatAnImageFreesIsNotGivenAwayBeforeTheNextImageHasItsPart) {
  constexpr uint64_t kBytes = 100'000;
  const std::string log_file = "/data/log/1.wal";
  ApplyNext(machine_, MakeCommand(CommandKind::kSet, "1", std::string(kBytes, 'x')));
  ASSERT_TRUE((*disk_.Open(log_file, OpenMode::kCreateFresh))->Allocate(kBytes).ok());
  log_.bytes = kBytes;
  Start(kOnRequestOnly);
  ASSERT_TRUE(Request().get().ok());

  disk_.SetCapacity(UINT64_MAX);
  const uint64_t used = UINT64_MAX - disk_.Space("/")->free_bytes;
  disk_.SetCapacity(used + schedule_->NextImage().bytes_left + 2 * kBytes);
  DiskReserve reserve(disk_, "/data/log", "/data/image", kBytes);
  uint64_t during = 0;
  const auto look = [&] {
    reserve.Refresh([&] { return schedule_->NextImage(); });
    return reserve.write_bytes_max();
  };
  const uint64_t before = look();
  disk_.on_removed = [&] { during = std::max(during, look()); };
  log_.on_release = [&](LogIndex through) {
    if (through != 2) return;
    EXPECT_TRUE(disk_.Remove(log_file).ok());
    log_.bytes = 0;
  };
  ApplyOne();
  while (images_.newest()->position.index != 2 || disk_.List("/data/image")->size() != 1) {
    schedule_->MakeRoom(/*image_fits=*/true);
    std::this_thread::yield();
  }
  schedule_->Stop();
  EXPECT_GT(during, 0u);
  EXPECT_LE(during, before);
  EXPECT_GE(look(), before) << "the log that went";
}

// The room of an image that was being written counted as free once entries were removed, because
// the next image would be smaller. The log took it, and removals were refused.
TEST_F(SnapshotScheduleTest, S14_AnImageUnderWayKeepsItsRoomWhenEntriesAreRemoved) {
  constexpr int kKeys = 8;
  for (int i = 0; i < kKeys; ++i) {
    ApplyNext(machine_,
              MakeCommand(CommandKind::kSet, std::to_string(i), std::string(1 << 20, 'x')));
  }
  EXPECT_FALSE(SnapshotSchedule(images_, machine_, log_, kOnRequestOnly).NextImage().under_way);
  uint64_t least = UINT64_MAX;
  disk_.on_write = [&] {
    if (images_.written_bytes() == 0) return;
    while (machine_.GetSummary().keys > 1) {
      const std::string key = std::to_string(machine_.GetSummary().keys - 1);
      ApplyNext(machine_, MakeCommand(CommandKind::kDel, key));
    }
    const DiskReserve::NextImage next = schedule_->NextImage();
    EXPECT_TRUE(next.under_way);
    least = std::min(least, images_.written_bytes() + next.bytes_left);
  };
  Start(kOnRequestOnly);
  const Answer image = Request().get();
  ASSERT_TRUE(image.ok()) << image.status();
  ASSERT_EQ(machine_.GetSummary().keys, 1u);
  EXPECT_GE(least, image->bytes);
}

}  // namespace
}  // namespace tripla
