// SPDX-License-Identifier: Apache-2.0
#include "disk/faulty_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "disk/data_directory.h"

namespace tripla {
namespace {

using testing::ElementsAre;

std::unique_ptr<File> Create(FaultyDisk& disk, const std::string& path) {
  return *disk.Open(path, OpenMode::kCreateFresh);
}

// The content of a file, or "-" when there is none.
std::string ContentOf(FaultyDisk& disk, const std::string& path) {
  const auto file = disk.Open(path, OpenMode::kRead);
  if (!file.ok()) return "-";
  std::string content(*(*file)->Size(), '\0');
  EXPECT_EQ(*(*file)->ReadAt(0, content.data(), content.size()), content.size());
  return content;
}

TEST(FaultyDisk, KeepsWhatWasSyncedAndLosesTheRest) {
  FaultyDisk disk;
  const auto file = Create(disk, "/a");
  ASSERT_TRUE(file->WriteAt(0, "synced").ok());
  ASSERT_TRUE(file->Sync().ok());
  ASSERT_TRUE(disk.SyncDirectory("/").ok());
  ASSERT_TRUE(file->WriteAt(0, "SYNCED and more").ok());
  ASSERT_TRUE(Create(disk, "/b")->Sync().ok());
  EXPECT_EQ(ContentOf(disk, "/a"), "SYNCED and more");
  disk.Restart(FaultyDisk::Unsynced::kLost);
  EXPECT_EQ(ContentOf(disk, "/a"), "synced");
  EXPECT_THAT(*disk.List("/"), ElementsAre("a")) << "the name of b was not synced";
  EXPECT_FALSE(file->WriteAt(0, "x").ok()) << "a file of before the cut";
}

TEST(FaultyDisk, KeepsAllWhenOnlyTheProcessEnds) {
  FaultyDisk disk;
  const auto file = Create(disk, "/a");
  ASSERT_TRUE(file->WriteAt(0, "written").ok());
  disk.Restart(FaultyDisk::Unsynced::kKept);
  EXPECT_EQ(ContentOf(disk, "/a"), "written");
  disk.Restart(FaultyDisk::Unsynced::kKept);
  EXPECT_EQ(ContentOf(disk, "/a"), "written");
}

TEST(FaultyDisk, ByChanceEachUnsyncedSectorIsOldOrNew) {
  bool mixed = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    FaultyDisk disk(seed);
    const auto file = Create(disk, "/a");
    ASSERT_TRUE(file->WriteAt(0, std::string(1024, 'o')).ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(disk.SyncDirectory("/").ok());
    ASSERT_TRUE(file->WriteAt(0, std::string(1024, 'n')).ok());
    disk.Restart(FaultyDisk::Unsynced::kByChance);
    const std::string content = ContentOf(disk, "/a");
    for (const size_t at : {0, 512}) {
      EXPECT_EQ(content.substr(at, 512), std::string(512, content[at]));
    }
    mixed |= content[0] != content[512];
  }
  EXPECT_TRUE(mixed);
}

TEST(FaultyDisk, ARenameIsDoneOrNotButNeverByHalf) {
  bool done = false;
  bool undone = false;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    FaultyDisk disk(seed);
    ASSERT_TRUE(Create(disk, "/a")->Sync().ok());
    ASSERT_TRUE(disk.SyncDirectory("/").ok());
    ASSERT_TRUE(disk.Rename("/a", "/b").ok());
    disk.Restart(FaultyDisk::Unsynced::kByChance);
    ASSERT_EQ(disk.List("/")->size(), 1u);
    (disk.List("/")->front() == "b" ? done : undone) = true;
  }
  EXPECT_TRUE(done && undone);
}

TEST(FaultyDisk, AtThePowerCutHalfAWriteIsDoneAndThenNothing) {
  FaultyDisk disk;
  const auto file = Create(disk, "/a");
  disk.CutPowerAt(disk.steps() + 2);
  EXPECT_TRUE(file->WriteAt(0, "1234").ok());
  EXPECT_FALSE(file->WriteAt(4, "5678").ok());
  EXPECT_FALSE(file->WriteAt(8, "9").ok());
  EXPECT_FALSE(disk.List("/").ok());
}

TEST(FaultyDisk, AFullDiskTakesWhatFits) {
  FaultyDisk disk;
  disk.SetCapacity(6);
  const auto file = Create(disk, "/a");
  EXPECT_TRUE(file->WriteAt(0, "1234").ok());
  EXPECT_TRUE(absl::IsResourceExhausted(file->WriteAt(4, "5678")));
  EXPECT_EQ(ContentOf(disk, "/a"), "123456");
  EXPECT_TRUE(absl::IsResourceExhausted(file->WriteAt(6, "7")));
  EXPECT_TRUE(file->WriteAt(0, "654321").ok()) << "overwriting needs no space";
  EXPECT_TRUE(disk.Remove("/a").ok());
  EXPECT_EQ(disk.Space("/")->free_bytes, 6u);
}

// SQLite's crash test in small: a cut at each step of making a directory ready, until none is left.
TEST(FaultyDisk, ALockOfAnEarlierStartDoesNotFreeALaterOne) {
  FaultyDisk disk;
  absl::StatusOr<std::unique_ptr<FileLock>> earlier = disk.Lock("/lock");
  disk.Restart(FaultyDisk::Unsynced::kKept);
  const absl::StatusOr<std::unique_ptr<FileLock>> later = disk.Lock("/lock");
  ASSERT_TRUE(later.ok()) << later.status();
  earlier->reset();
  EXPECT_TRUE(absl::IsFailedPrecondition(disk.Lock("/lock").status()));
}

// A disk on which another process takes the first lock earlier.
class RacedDisk : public FaultyDisk {
 public:
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    if (!std::exchange(raced_, true)) {
      EXPECT_TRUE(DataDirectory::Open(*this, "/data").ok());
      EXPECT_TRUE(Open("/data/log/1.wal", OpenMode::kCreateFresh).ok());
    }
    return FaultyDisk::Lock(path);
  }

 private:
  bool raced_ = false;
};

TEST(FaultyDisk, ADataDirectoryThatAnotherMadeReadyMeanwhileIsNoDamage) {
  RacedDisk disk;
  const absl::StatusOr<DataDirectory> directory = DataDirectory::Open(disk, "/data");
  EXPECT_TRUE(directory.ok()) << directory.status();
}

TEST(FaultyDisk, ADataDirectoryIsMadeReadyAcrossACutAtAnyStep) {
  bool finished = false;
  for (uint64_t step = 1; !finished; ++step) {
    FaultyDisk disk(step);
    disk.CutPowerAt(step);
    finished = DataDirectory::Open(disk, "/data").ok();
    disk.Restart(FaultyDisk::Unsynced::kByChance);
    const absl::Status again = DataDirectory::Open(disk, "/data").status();
    EXPECT_TRUE(again.ok()) << "cut at step " << step << ": " << again;
  }
}

}  // namespace
}  // namespace tripla
