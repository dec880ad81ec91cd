// SPDX-License-Identifier: Apache-2.0
#include "log/local/local_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "disk/faulty_disk.h"
#include "log/local/test_log.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kLog = "/data/log";

std::string PathOf(LogIndex first_index) { return kLog + "/" + wal::SegmentName(first_index); }

// A log on a disk in memory.
class LocalLogTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(log_.Open().ok()); }
  void SubmitThrough(LogIndex last) {
    while (log_->GetStats().last.index < last) {
      const absl::Status submitted = log_.SubmitNext();
      ASSERT_TRUE(submitted.ok()) << submitted;
    }
  }
  std::vector<std::string> Files() { return *disk_.List(kLog); }
  // The first indexes of all segments.
  std::vector<LogIndex> Segments() {
    std::vector<LogIndex> segments;
    for (const std::string& name : Files()) segments.push_back(*wal::ParseSegmentName(name));
    return segments;
  }
  // Runs until a segment has just been begun.
  void SubmitUntilSegments(size_t count) {
    while (Segments().size() < count) ASSERT_TRUE(log_.SubmitNext().ok());
  }

  FaultyDisk disk_;
  TestLog log_{disk_};
};

TEST_F(LocalLogTest, AnEmptyLogHoldsNothing) {
  EXPECT_THAT(log_.batches(), testing::IsEmpty());
  const Log::Stats status = log_->GetStats();
  EXPECT_EQ(status.last, LogPosition());
  EXPECT_EQ(status.first, 1u);
  EXPECT_EQ(status.bytes, 0u);
  EXPECT_EQ(status.durability, "fsync always");
}

TEST_F(LocalLogTest, GivesBackAllBatchesInOrderFromManySegments) {
  SubmitThrough(200);
  EXPECT_EQ(log_.batches(), SampleBatches(1, 200)) << "applied when submitted";
  EXPECT_GT(Segments().size(), 20u);
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_EQ(log_.batches(), SampleBatches(1, 200)) << "applied at the start";
  const Log::Stats status = log_->GetStats();
  EXPECT_EQ(status.last.index, 200u);
  EXPECT_EQ(status.first, 1u);
  EXPECT_GT(status.bytes, Segments().size() * kTestSegmentBytes) << "some are larger";
}

TEST_F(LocalLogTest, GoesOnAfterManyOpenings) {
  for (LogIndex last = 1; last <= 100; ++last) {
    SubmitThrough(last);
    ASSERT_TRUE(log_.Open().ok());
    ASSERT_EQ(log_.batches(), SampleBatches(1, last));
  }
}

TEST_F(LocalLogTest, HandsOverWhatFollowsTheImageOnly) {
  SubmitThrough(30);
  for (const LogIndex image : {1, 7, 11, 29, 30}) {
    ASSERT_TRUE(log_.Open(image).ok());
    EXPECT_EQ(log_.batches(), SampleBatches(image + 1, 30));
    EXPECT_EQ(log_->GetStats().last.index, 30u);
  }
}

TEST_F(LocalLogTest, AnImageThatEndsBeforeTheLogBeginsIsDataLoss) {
  SubmitThrough(30);
  ASSERT_TRUE(log_->ReleasePrefix(20, Log::Release::kUsual).ok());
  const LogIndex first = log_->GetStats().first;
  ASSERT_GT(first, 1u);
  const absl::Status status = log_.Open(first - 2);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(PathOf(first)), HasSubstr("offset"), HasSubstr(std::to_string(first)),
                    HasSubstr(std::to_string(first - 2))));
  EXPECT_TRUE(log_.Open(first - 1).ok()) << "it joins";
}

TEST_F(LocalLogTest, AMissingSegmentIsDataLoss) {
  SubmitThrough(60);
  const std::vector<LogIndex> segments = Segments();
  log_.Close();
  for (size_t i = 0; i + 1 < segments.size(); ++i) {
    const std::string path = PathOf(segments[i]);
    ASSERT_TRUE(disk_.Rename(path, path + ".away").ok());
    const absl::Status status = log_.Open();
    EXPECT_TRUE(absl::IsDataLoss(status)) << "segment " << i << ": " << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(PathOf(segments[i + 1])),
                                                     HasSubstr("offset"), HasSubstr("missing")));
    log_.Close();
    ASSERT_TRUE(disk_.Rename(path + ".away", path).ok());
  }
  EXPECT_TRUE(log_.Open().ok());
}

TEST_F(LocalLogTest, ReleasesWholeSegmentsThatAreNotNeeded) {
  SubmitThrough(60);
  for (LogIndex image = 1; image <= 60; ++image) {
    ASSERT_TRUE(log_->ReleasePrefix(image, Log::Release::kUsual).ok());
    const LogIndex first = log_->GetStats().first;
    EXPECT_LE(first, image + 1);
    const std::vector<LogIndex> segments = Segments();
    EXPECT_EQ(segments.front(), first);
    EXPECT_TRUE(segments.size() == 1 || segments[1] > image + 1) << "the first could go";
    ASSERT_TRUE(log_.Open(image).ok());
    ASSERT_EQ(log_.batches(), SampleBatches(image + 1, 60));
    ASSERT_EQ(log_->GetStats().first, first);
  }
  EXPECT_EQ(Segments().size(), 1u) << "the last one is being written";
}

TEST_F(LocalLogTest, AFailedReleaseLosesNothingAndCanBeRepeated) {
  SubmitThrough(60);
  for (uint64_t step = 1; step <= 2; ++step) {
    disk_.FailAt(disk_.steps() + step, absl::InternalError("remove: Input/output error"));
    EXPECT_TRUE(absl::IsInternal(log_->ReleasePrefix(30, Log::Release::kUsual)));
  }
  // The second failure was that of the directory's sync: the file is gone, and still counted.
  EXPECT_TRUE(log_->ReleasePrefix(30, Log::Release::kUsual).ok());
  ASSERT_TRUE(log_.Open(30).ok());
  EXPECT_EQ(log_.batches(), SampleBatches(31, 60));
}

TEST_F(LocalLogTest, AnEmptySegmentTooSmallForTheFirstRecordIsReplacedNotCountedTwice) {
  SubmitUntilSegments(4);
  const LogIndex first_index = Segments().back();
  // As after a power cut between making the segment and writing its first record.
  disk_.Restart(FaultyDisk::Unsynced::kKept);
  log_.Close();
  const auto file = *disk_.Open(PathOf(first_index), OpenMode::kReadWrite);
  ASSERT_TRUE(file->WriteAt(512, std::string(kTestSegmentBytes - 512, '\0')).ok());
  ASSERT_TRUE(log_.Open().ok());
  ASSERT_EQ(log_->GetStats().last.index, first_index - 1);
  Batch large = SampleBatch(11);
  ASSERT_TRUE(log_.Submit(large).ok());
  SubmitThrough(first_index + 20);
  ASSERT_TRUE(log_->ReleasePrefix(first_index - 1, Log::Release::kUsual).ok());
  ASSERT_TRUE(log_.Open(first_index - 1).ok());
  auto expected = SampleBatches(first_index, first_index + 20);
  expected[first_index] = large;
  EXPECT_EQ(log_.batches(), expected);
}

TEST_F(LocalLogTest, RemovesUnfinishedSegmentsAndNothingElse) {
  SubmitThrough(3);
  for (const std::string& path :
       {PathOf(9) + ".partial", kLog + "/next.wal", kLog + "/notes.partial", kLog + "/1.wal"}) {
    ASSERT_TRUE(disk_.Open(path, OpenMode::kCreateFresh).ok());
  }
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_THAT(Files(), ElementsAre(wal::SegmentName(1), "1.wal", "notes.partial"));
  EXPECT_EQ(log_.batches(), SampleBatches(1, 3));
}

TEST_F(LocalLogTest, RefusesWithoutSpaceForASegmentAndHeals) {
  SubmitThrough(9);
  log_.Close();
  const uint64_t free_before =
      UINT64_MAX - disk_.Space("/")->free_bytes;  // the capacity has no end
  for (uint64_t room = 0; room < kTestSegmentBytes; room += 100) {
    SCOPED_TRACE(room);
    ASSERT_TRUE(log_.Open().ok());
    disk_.SetCapacity(free_before + room);
    const LogIndex last = log_->GetStats().last.index;
    // A batch for which there must be a new segment.
    const absl::Status refused = log_.Submit(SampleBatch(11));
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()),
                AllOf(HasSubstr("its log cannot grow"), HasSubstr(kLog)));
    EXPECT_EQ(log_->GetStats().last.index, last);
    for (const std::string& name : Files()) EXPECT_TRUE(wal::ParseSegmentName(name)) << name;
    disk_.SetCapacity(UINT64_MAX);
  }
  SubmitThrough(30);
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_EQ(log_.batches(), SampleBatches(1, 30)) << "what was refused is not there";
}

TEST_F(LocalLogTest, AnswersOnceTheBatchIsDurableAndApplied) {
  SubmitThrough(3);
  uint64_t steps_at_answer = 0;
  bool applied_at_answer = false;
  log_->Submit(SampleBatch(4), [&](const auto& outcomes) {
    ASSERT_TRUE(outcomes.ok());
    steps_at_answer = disk_.steps();
    applied_at_answer = log_.batches().contains(4);
  });
  EXPECT_EQ(disk_.steps(), steps_at_answer) << "something was left to do for the disk";
  EXPECT_TRUE(applied_at_answer);
}

TEST_F(LocalLogTest, AfterStopIsUnavailable) {
  SubmitThrough(3);
  log_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(log_.SubmitNext()));
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_EQ(log_.batches(), SampleBatches(1, 3));
}

TEST(LocalLogFsync, WithoutAnFsyncBeforeEachAnswerTheLogBeginsAnewBehindAnImageThatHoldsMore) {
  FaultyDisk disk;
  TestLog log(disk, {FsyncPolicy::Mode::kNever});
  ASSERT_TRUE(log.Open().ok());
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(log.SubmitNext().ok());
  testing::internal::CaptureStderr();
  ASSERT_TRUE(log.Open(/*image=*/40).ok());
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("record 30"), HasSubstr("up to 40")));
  EXPECT_THAT(*disk.List(kLog), ElementsAre());
  EXPECT_EQ(log->GetStats().first, 41u);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log.SubmitNext().ok());
  ASSERT_TRUE(log.Open(40).ok());
  EXPECT_EQ(log.batches(), SampleBatches(41, 60));
}

TEST(LocalLogNextSegment, IsThereBeforeItIsNeededAndGoesAtAStop) {
  FaultyDisk disk;
  TestLog log(disk, {}, "/data", /*prepare_ahead=*/true);
  ASSERT_TRUE(log.Open().ok());
  const auto is_there = [&] { return disk.Open(kLog + "/next.wal", OpenMode::kRead).ok(); };
  const auto segments = [&] {
    return std::ranges::count_if(*disk.List(kLog), [](const std::string& name) {
      return wal::ParseSegmentName(name).has_value();
    });
  };
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(log.SubmitNext().ok());  // above a quarter of a segment
  while (!is_there()) std::this_thread::yield();
  EXPECT_EQ(segments(), 1);
  log.Close();
  EXPECT_FALSE(is_there());
}

TEST(LocalLogNextSegment, S3_WithoutADescriptorForItsDirectoryIsRefusedAndBegunLater) {
  FaultyDisk disk;
  TestLog log(disk);
  ASSERT_TRUE(log.Open().ok());
  ASSERT_TRUE(log.SubmitNext().ok());
  // The sync of the directory, once the segment has its name.
  for (uint64_t ahead = 1; ahead < 12; ++ahead) {
    const uint64_t before = disk.steps();
    disk.FailAt(before + ahead, absl::ResourceExhaustedError("Too many open files"));
    const absl::Status large = log.Submit(SampleBatch(11));
    if (large.ok()) continue;
    EXPECT_TRUE(absl::IsResourceExhausted(large)) << large;
    EXPECT_NE(log->GetStats().refusal, "");
    // A small one must not go into the former segment, which has a follower.
    ASSERT_TRUE(log.Submit(SampleBatch(1)).ok());
  }
  while (!log.Submit(SampleBatch(11)).ok()) {  // the last failure may be still to come
  }
  EXPECT_EQ(log->GetStats().refusal, "");
  const LogIndex last = log->GetStats().last.index;
  ASSERT_TRUE(log.Open().ok());
  EXPECT_EQ(log->GetStats().last.index, last);
}

TEST(LocalLogFsync, AnIntervalSyncsWithoutBeingAsked) {
  FaultyDisk disk;
  TestLog log(disk, {FsyncPolicy::Mode::kInterval, std::chrono::milliseconds(1)});
  ASSERT_TRUE(log.Open().ok());
  ASSERT_TRUE(log.SubmitNext().ok());
  const uint64_t before = disk.steps();
  ASSERT_TRUE(log.SubmitNext().ok());
  while (disk.steps() < before + 2) std::this_thread::yield();  // one writes, one syncs
  disk.Restart(FaultyDisk::Unsynced::kLost);
  EXPECT_EQ(log->GetStats().durability, "fsync interval:1ms");
  ASSERT_TRUE(log.Open().ok());
  EXPECT_EQ(log.batches(), SampleBatches(1, 2));
}

TEST(LocalLogFsync, StopMakesAllDurableWhateverThePolicy) {
  for (const auto mode :
       {FsyncPolicy::Mode::kAlways, FsyncPolicy::Mode::kInterval, FsyncPolicy::Mode::kNever}) {
    FaultyDisk disk;
    TestLog log(disk, {mode, std::chrono::hours(1)});
    ASSERT_TRUE(log.Open().ok());
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(log.SubmitNext().ok());
    log.Close();
    disk.Restart(FaultyDisk::Unsynced::kLost);
    ASSERT_TRUE(log.Open().ok());
    EXPECT_EQ(log.batches(), SampleBatches(1, 10));
  }
}

TEST(LocalLogFsync, NeverLeavesItToTheSystem) {
  FaultyDisk disk;
  TestLog log(disk, {FsyncPolicy::Mode::kNever});
  ASSERT_TRUE(log.Open().ok());
  ASSERT_TRUE(log.SubmitNext().ok());
  const uint64_t before = disk.steps();
  ASSERT_TRUE(log.SubmitNext().ok());
  EXPECT_EQ(disk.steps(), before + 1) << "one writes, nothing syncs";
}

}  // namespace
}  // namespace tripla
