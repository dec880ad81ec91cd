// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "snapshot/snapshot_schedule_test.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;

TEST_F(SnapshotScheduleTest, ARequestIsAnsweredByAnImageOfWhatWasApplied) {
  Start(kOnRequestOnly);
  for (LogIndex index = 1; index <= 20; ++index) {
    ApplyOne();
    const Answer image = Request().get();
    ASSERT_TRUE(image.ok()) << image.status();
    EXPECT_EQ(image->position.index, index);
    EXPECT_EQ(images_.newest()->file, image->file);
  }
}

// The log's fsync waits for all data given to the disk before it, so p99.9 was 16 times as long
// with images as without.
TEST_F(SnapshotScheduleTest, ALargeImageComesAndGoesInSmallPieces) {
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  for (int i = 0; i < 40; ++i) {
    ApplyNext(machine_, MakeCommand(CommandKind::kSet, std::to_string(-1 - i),
                                    std::string(kMiB / 2, static_cast<char>(i))));
  }
  Start(kOnRequestOnly);
  for (int i = 0; i < 3; ++i) {
    ApplyOne();
    const Answer image = Request().get();
    ASSERT_TRUE(image.ok()) << image.status();
    ASSERT_GT(image->bytes, 20 * kMiB);
  }
  schedule_->Stop();
  EXPECT_EQ(disk_.List("/data/image")->size(), 2u);
  EXPECT_LE(disk_.most_written, 2 * kMiB);
  EXPECT_GT(disk_.most_removed, 0u);
  EXPECT_LE(disk_.most_removed, 8 * kMiB);
}

TEST_F(SnapshotScheduleTest, WithoutAChangeTheImageInForceIsTheAnswer) {
  ApplyOne();
  Start(kOnRequestOnly);
  const Answer first = Request().get();
  const uint64_t steps = disk_.steps();
  const Answer second = Request().get();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(second->file, first->file);
  EXPECT_EQ(disk_.steps(), steps) << "nothing was written";
}

TEST_F(SnapshotScheduleTest, TheEmptyStateGetsAnImageWhenItIsAskedFor) {
  Start(kOnRequestOnly);
  const Answer image = Request().get();
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->position.index, 0u);
}

TEST_F(SnapshotScheduleTest, RequestsDuringAnImageShareTheNextOne) {
  std::promise<void> first_written;
  std::promise<void> go_on;
  std::vector<LogIndex> images;
  log_.on_release = [&](LogIndex) {
    images.push_back(images_.newest()->position.index);
    if (images.size() != 1) return;
    first_written.set_value();
    go_on.get_future().wait();
  };
  ApplyOne();
  Start(kOnRequestOnly);
  std::future<Answer> first = Request();
  first_written.get_future().wait();
  ApplyOne();
  std::future<Answer> second = Request();
  std::future<Answer> third = Request();
  go_on.set_value();
  EXPECT_EQ(first.get()->position.index, 1u);
  EXPECT_EQ(second.get()->position.index, 2u) << "the first image began before the request";
  EXPECT_EQ(third.get()->position.index, 2u);
  schedule_->Stop();
  EXPECT_EQ(images, (std::vector<LogIndex>{1, 2}));
}

TEST_F(SnapshotScheduleTest, WhileAnothersImageIsComingItSaysSo) {
  ApplyOne();
  Start(kOnRequestOnly);
  images_.Hold();
  const Answer answer = Request().get();
  EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
  EXPECT_THAT(std::string(answer.status().message()), testing::HasSubstr("another replica"));
}

TEST_F(SnapshotScheduleTest, ARequestDoesNotWaitForALookAtTheLog) {
  std::promise<void> looking;
  std::promise<void> requested;
  std::atomic<int> looks = 0;
  std::future_status waited{};
  log_.on_look = [&] {
    if (++looks != 2) return;  // the first is the constructor's
    looking.set_value();
    waited = requested.get_future().wait_for(std::chrono::seconds(10));
  };
  Start(kOnRequestOnly);
  looking.get_future().wait();
  std::future<Answer> answer = Request();
  requested.set_value();
  EXPECT_TRUE(answer.get().ok());
  schedule_->Stop();
  EXPECT_EQ(waited, std::future_status::ready);
}

TEST_F(SnapshotScheduleTest, TheLogMayForgetWhatBothImagesHold) {
  std::vector<LogIndex> released;
  log_.on_release = [&](LogIndex through) { released.push_back(through); };
  Start(kOnRequestOnly);
  for (int i = 0; i < 3; ++i) {
    ApplyOne();
    ASSERT_TRUE(Request().get().ok());
  }
  schedule_->Stop();
  EXPECT_EQ(released, (std::vector<LogIndex>{0, 1, 2}));
}

TEST_F(SnapshotScheduleTest, ALogThatCannotForgetDoesNotHarmTheImage) {
  log_.release_status = absl::InternalError("cannot remove");
  ApplyOne();
  Start(kOnRequestOnly);
  EXPECT_TRUE(Request().get().ok());
}

TEST_F(SnapshotScheduleTest, ImagesComeByPeriodWhenSomethingChanged) {
  std::promise<void> done;
  int images = 0;
  log_.on_release = [&](LogIndex) {
    if (++images == 5) return done.set_value();
    if (images < 5) ApplyOne();
  };
  ApplyOne();
  Start({.interval = milliseconds(1)});
  done.get_future().wait();
  schedule_->Stop();
  EXPECT_EQ(images, 5) << "and none without a change";
  EXPECT_EQ(images_.newest()->position.index, 5u);
}

TEST_F(SnapshotScheduleTest, ImagesByPeriodAreWholeWhileWritesGoOn) {
  std::atomic<int> images = 0;
  log_.on_release = [&](LogIndex) { ++images; };
  Start({.interval = milliseconds(1)});
  // So much for each image and no more: one takes the longer, the more there is.
  constexpr LogIndex kOfAnImage = 2000;
  while (images < 20) {
    if (machine_.GetSummary().position.index < kOfAnImage * (images + 1)) {
      ApplyOne();
    } else {
      std::this_thread::yield();
    }
  }
  schedule_->Stop();
  const LogIndex newest = images_.newest()->position.index;
  ImageStore after_restart(directory_);
  const auto recovered = after_restart.Recover(0);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->machine->GetSummary().position.index, newest);
  EXPECT_EQ(recovered->machine->GetSummary().keys, newest) << "each batch added one";
}

TEST_F(SnapshotScheduleTest, AnImageComesWhenTheLogHasOutgrownTheLast) {
  std::promise<void> written;
  log_.on_release = [&](LogIndex) { written.set_value(); };
  log_.bytes = 1000;
  Start({.interval = milliseconds(0), .log_growth_bytes = 100'000});
  ApplyOne();
  log_.bytes = 101'001;
  written.get_future().wait();
  EXPECT_EQ(images_.newest()->position.index, 1u);
}

TEST_F(SnapshotScheduleTest, C16_AReplicasImageComesEarlierByChance) {
  std::promise<void> written;
  log_.on_release = [&](LogIndex) { written.set_value(); };
  Start({.interval = milliseconds(0), .log_growth_bytes = 100'000, .random_times = true});
  ApplyOne();
  log_.bytes = 99'990;
  EXPECT_EQ(written.get_future().wait_for(std::chrono::minutes(1)), std::future_status::ready);
}

TEST_F(SnapshotScheduleTest, C16_HeartbeatsGoBeforeAnImage) {
  std::atomic<int> niceness{0};
  disk_.on_write = [&] {
    niceness = getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)));
  };
  Start(kOnRequestOnly);
  ApplyOne();
  ASSERT_TRUE(Request().get().ok());
  EXPECT_GT(niceness, getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid))));
}

TEST_F(SnapshotScheduleTest, AfterAFailureTheOldImageStaysAndTheNextTryMaySucceed) {
  Start(kOnRequestOnly);
  ApplyOne();
  ASSERT_TRUE(Request().get().ok());
  ApplyOne();
  disk_.SetCapacity(images_.newest()->bytes);
  EXPECT_TRUE(absl::IsResourceExhausted(Request().get().status()));
  disk_.FailAt(disk_.steps() + 1, absl::InternalError("injected"));
  EXPECT_TRUE(absl::IsInternal(Request().get().status()));
  EXPECT_EQ(images_.newest()->position.index, 1u);
  disk_.SetCapacity(UINT64_MAX);
  EXPECT_EQ(Request().get()->position.index, 2u);
}

TEST_F(SnapshotScheduleTest, C6_DamagedMemoryEndsTheProcess) {
  ApplyOne();
  const StateView view = machine_.Freeze();
  const_cast<char&>(view.Entries().entry().data().front()) ^= 1;
  const std::string why = "memory of this server was damaged.*state hash";
  EXPECT_EXIT(
      {
        Start({.interval = milliseconds(0)});
        Request().wait();
      },
      testing::ExitedWithCode(1), why);
  EXPECT_EXIT(
      {
        Start({.interval = milliseconds(0), .scrub_interval = milliseconds(1)});
        std::promise<void>().get_future().wait();
      },
      testing::ExitedWithCode(1), why);
}

// It was sent again and again, and never verified here.
TEST_F(SnapshotScheduleTest,
       C6_ADamagedImageThatAnotherReplicaRefusedIsReplacedByOneOfTheSameState) {
  Start({.interval = milliseconds(0)});
  for (int i = 0; i < 2; ++i) {
    ApplyOne();
    ASSERT_TRUE(Request().get().ok());
  }
  const std::string path = images_.PathOf(2);
  ASSERT_TRUE((*disk_.Open(path, OpenMode::kReadWrite))->WriteAt(200, "damage").ok());
  std::atomic<LogIndex> released = 0;
  log_.on_release = [&](LogIndex through) { released = through; };
  images_.Doubt();
  while (released == 0) std::this_thread::yield();
  EXPECT_EQ(released, 1u) << "the damaged one counts as one of the two";
  EXPECT_EQ(images_.newest()->position.index, 2u);
  schedule_->Stop();
  EXPECT_TRUE(images_.ProveNewest().ok());
  EXPECT_THAT(*disk_.List("/data/image"),
              testing::ElementsAre(image::FileName(1), image::FileName(2)));
}

TEST_F(SnapshotScheduleTest, AGoodImageThatAnotherReplicaRefusedStays) {
  Start({.interval = milliseconds(0)});
  ApplyOne();
  const auto written = Request().get();
  ASSERT_TRUE(written.ok());
  images_.Doubt();
  while (images_.doubted()) std::this_thread::yield();
  EXPECT_EQ(Request().get()->written_unix_ms, written->written_unix_ms);
}

// What was replaced meanwhile would stay in memory.
TEST_F(SnapshotScheduleTest, ASlowScrubHoldsNoViewWhileAnImageIsWritten) {
  std::vector<Command> commands;
  for (int i = 0; i < 300'000; ++i) {
    commands.push_back(MakeCommand(CommandKind::kSet, std::to_string(i), "data"));
  }
  ApplyNext(machine_, std::move(commands));
  std::atomic<int> looks = 0;
  log_.on_look = [&] { ++looks; };  // before each slice
  Start({.interval = milliseconds(0), .scrub_interval = milliseconds(1)});
  while (looks < 6) std::this_thread::yield();
  for (int i = 0; i < 50; ++i) {
    ApplyNext(machine_, MakeCommand(CommandKind::kTestAndSet, std::to_string(i), "data", 1));
  }
  EXPECT_GT(machine_.waiting(), 50u) << "no pass is under way";
  ASSERT_TRUE(Request().get().ok());
  machine_.Reclaim();
  EXPECT_EQ(machine_.waiting(), 0u);
}

TEST_F(SnapshotScheduleTest, AStopAbandonsTheImageBeingWritten) {
  const std::string megabyte(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    ApplyNext(machine_, MakeCommand(CommandKind::kSet, std::to_string(i), megabyte));
  }
  std::promise<void> writing;
  std::atomic<int> writes = 0;
  disk_.on_write = [&] {
    if (++writes != 1) return;
    writing.set_value();
    AwaitStop();
  };
  Start(kOnRequestOnly);
  std::future<Answer> answer = Request();
  writing.get_future().wait();
  schedule_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(answer.get().status()));
  EXPECT_LT(writes, 20);
  EXPECT_FALSE(images_.newest().has_value());
  EXPECT_TRUE(disk_.List("/data/image")->empty());
  EXPECT_TRUE(absl::IsUnavailable(Request().get().status())) << "as every request after it";
}

TEST_F(SnapshotScheduleTest, S16_AStopLeavesTheRestOfALargeOldImageToTheNextStart) {
  for (int i = 0; i < 40; ++i) {
    ApplyNext(machine_,
              MakeCommand(CommandKind::kSet, std::to_string(-1 - i), std::string(1 << 20, 'x')));
  }
  std::promise<void> removing;
  std::atomic<int> pieces = 0;
  disk_.on_truncate = [&] {
    if (++pieces != 1) return;
    removing.set_value();
    AwaitStop();
  };
  Start(kOnRequestOnly);
  std::future<Answer> last;
  for (int i = 0; i < 3; ++i) {
    ApplyOne();
    last = Request();
    if (i < 2) last.wait();
  }
  removing.get_future().wait();
  schedule_->Stop();
  EXPECT_TRUE(last.get().ok()) << "the image itself was written";
  EXPECT_EQ(pieces, 1);
  EXPECT_EQ(disk_.List("/data/image")->size(), 3u) << "the old one is still there in part";
  ImageStore next_start(directory_);
  const auto recovered = next_start.Recover(0);
  ASSERT_TRUE(recovered.ok()) << recovered.status();
  EXPECT_EQ(recovered->machine->GetSummary(), machine_.GetSummary());
  EXPECT_EQ(disk_.List("/data/image")->size(), 2u);
}

// With --log off the last image, which is written after the stop of the schedule, is all there is.
TEST_F(SnapshotScheduleTest, S16_TheLastImageFindsTheRoomOfWhatAStopHasLeft) {
  for (int i = 0; i < 40; ++i) {
    ApplyNext(machine_,
              MakeCommand(CommandKind::kSet, std::to_string(-1 - i), std::string(1 << 20, 'x')));
  }
  std::atomic<int> pieces = 0;
  disk_.on_truncate = [&] {
    if (++pieces == 1) AwaitStop();
  };
  Start(kOnRequestOnly);
  std::future<Answer> last;
  for (int i = 0; i < 3; ++i) {
    ApplyOne();
    last = Request();
    if (i < 2) last.wait();
  }
  while (pieces == 0) std::this_thread::yield();
  schedule_->Stop();
  ASSERT_TRUE(last.get().ok());
  ApplyOne();
  const std::atomic<bool> never_abandoned{false};
  EXPECT_TRUE(images_.Write(machine_.Freeze(), never_abandoned).ok());
  EXPECT_EQ(pieces, 1) << "nobody waits for the removal of what it replaces";
  EXPECT_EQ(disk_.List("/data/image")->size(), 3u) << "but what the stop had left is gone";
}

}  // namespace
}  // namespace tripla
