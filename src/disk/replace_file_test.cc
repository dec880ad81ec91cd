// SPDX-License-Identifier: Apache-2.0
#include "disk/replace_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "disk/faulty_disk.h"

namespace tripla {
namespace {

using testing::AnyOf;
using testing::ElementsAre;

constexpr char kPath[] = "/d/file";

std::string Content(FaultyDisk& disk) {
  const auto file = disk.Open(kPath, OpenMode::kRead);
  if (!file.ok()) return std::string(file.status().message());
  std::string content(100, '\0');
  content.resize(*(*file)->ReadAt(0, content.data(), content.size()));
  return content;
}

class ReplaceFileTest : public testing::TestWithParam<FaultyDisk::Unsynced> {
 protected:
  static void MakeOld(FaultyDisk& disk) {
    ASSERT_TRUE(disk.CreateDirectory("/d").ok());
    ASSERT_TRUE(disk.SyncDirectory("/").ok());
    ASSERT_TRUE(ReplaceFile(disk, kPath, "old").ok());
  }
};

INSTANTIATE_TEST_SUITE_P(Unsynced, ReplaceFileTest,
                         testing::Values(FaultyDisk::Unsynced::kLost, FaultyDisk::Unsynced::kKept,
                                         FaultyDisk::Unsynced::kByChance));

TEST_P(ReplaceFileTest, APowerCutAtAnyStepLeavesTheOneOrTheOther) {
  uint64_t step = 0;
  for (bool done = false; !done;) {
    FaultyDisk disk;
    MakeOld(disk);
    disk.CutPowerAt(disk.steps() + ++step);
    done = ReplaceFile(disk, kPath, "newer").ok();
    disk.Restart(GetParam());
    if (done) {
      EXPECT_EQ(Content(disk), "newer") << "it was durable";
    } else {
      EXPECT_THAT(Content(disk), AnyOf("old", "newer")) << "cut at step " << step;
    }
    EXPECT_TRUE(ReplaceFile(disk, kPath, "newest").ok()) << "after a cut at step " << step;
    EXPECT_EQ(Content(disk), "newest");
    EXPECT_THAT(*disk.List("/d"), ElementsAre("file"));
  }
  EXPECT_GT(step, 4u) << "create, write, sync, rename, sync of the directory";
}

TEST(ReplaceFile, AFailureLeavesTheFileAndNothingBesideIt) {
  for (uint64_t step = 1;; ++step) {
    FaultyDisk disk;
    ASSERT_TRUE(disk.CreateDirectory("/d").ok());
    ASSERT_TRUE(ReplaceFile(disk, kPath, "old").ok());
    disk.FailAt(disk.steps() + step, absl::ResourceExhaustedError("full"));
    if (ReplaceFile(disk, kPath, "newer").ok()) break;
    EXPECT_THAT(Content(disk), AnyOf("old", "newer"));
    EXPECT_THAT(*disk.List("/d"), ElementsAre("file")) << "failed at step " << step;
  }
}

}  // namespace
}  // namespace tripla
