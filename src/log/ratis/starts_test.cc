// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/starts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "disk/faulty_disk.h"

namespace tripla {
namespace {

using testing::HasSubstr;

DataDirectory OpenDirectory(FaultyDisk& disk) { return *DataDirectory::Open(disk, "d"); }

StartsRecord OfInit() { return {.own = {.count = 0, .nonces = {7}}}; }

TEST(Starts, ADirectoryIsKnownByItsStarts) {
  struct Case {
    const char* what;
    Starts said;
    Start known;
    StartOrder order;
  };
  const Case cases[] = {
      {"it is known", {5, {50, 40, 30}}, {5, 50}, StartOrder::kSame},
      {"started again", {5, {50, 40, 30}}, {4, 40}, StartOrder::kLater},
      {"started twice unheard", {5, {50, 40, 30}}, {3, 30}, StartOrder::kLater},
      {"started so often that it has forgotten", {5, {50, 40, 30}}, {2, 99}, StartOrder::kLater},
      {"an older copy", {4, {40, 30}}, {5, 50}, StartOrder::kOutdated},
      {"an older copy that was started as often", {5, {51, 40}}, {5, 50}, StartOrder::kOutdated},
      {"an older copy that was started more often",
       {7, {71, 61, 51}},
       {5, 50},
       StartOrder::kOutdated},
      {"prepared anew under the name", {1, {11, 10}}, {5, 50}, StartOrder::kOutdated},
      {"another init", {0, {8}}, {0, 7}, StartOrder::kOutdated},
      {"rebuilt", {1 << 20, {9}}, {5, 50}, StartOrder::kLater},
      {"the one that was replaced", {6, {60, 50}}, {1 << 20, 9}, StartOrder::kOutdated},
  };
  for (const Case& each : cases) {
    EXPECT_EQ(Compare(each.said, each.known), each.order) << each.what;
  }
}

TEST(Starts, EachStartIsCountedAndTheLastOnesCanBeShown) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(WriteStarts(directory, OfInit()).ok());
  Starts before = OfInit().own;
  for (uint64_t count = 1; count <= 20; ++count) {
    const auto starts = MemberStarts::Open(directory);
    ASSERT_TRUE(starts.ok()) << starts.status();
    const Starts own = (*starts)->own();
    EXPECT_EQ(own.count, count);
    EXPECT_EQ(own, before.Next(own.last().nonce));
    EXPECT_LE(own.nonces.size(), Starts::kNoncesMax);
    EXPECT_EQ(Compare(own, before.last()), StartOrder::kLater);
    ASSERT_TRUE((*starts)->MarkSaid().ok());
    before = own;
  }
}

// Else an older copy that is started alone again and again counts past what the others know.
TEST(Starts, OneOfWhichNobodyHasHeardIsNotCountedAgain) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(WriteStarts(directory, OfInit()).ok());
  Starts before;
  for (int i = 0; i < 20; ++i) {
    const auto starts = MemberStarts::Open(directory);
    EXPECT_EQ((*starts)->own().count, 1u);
    EXPECT_EQ((*starts)->own().nonces.size(), 2u);
    EXPECT_NE((*starts)->own().last(), before.nonces.empty() ? Start() : before.last());
    before = (*starts)->own();
  }
  ASSERT_TRUE((*MemberStarts::Open(directory))->MarkSaid().ok());
  EXPECT_EQ((*MemberStarts::Open(directory))->own().count, 2u);
}

TEST(Starts, WhereTheLogEndedIsKnownAfterAnOrderlyStopOnly) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(WriteStarts(directory, OfInit()).ok());
  ASSERT_TRUE((*MemberStarts::Open(directory))->MarkReached(77).ok());
  EXPECT_EQ(ReadStarts(directory)->reached, 77u);
  ASSERT_TRUE(MemberStarts::Open(directory).ok());
  EXPECT_EQ(ReadStarts(directory)->reached, 0u);
}

TEST(Starts, WhatAnotherMemberSaysIsRememberedAcrossAStart) {
  FaultyDisk disk;
  {
    const DataDirectory directory = OpenDirectory(disk);
    ASSERT_TRUE(WriteStarts(directory, OfInit()).ok());
    const auto starts = MemberStarts::Open(directory);
    EXPECT_EQ((*starts)->Known("n2"), std::nullopt);
    EXPECT_TRUE((*starts)->Note("n2", {3, {30, 20}}).ok());
    EXPECT_TRUE((*starts)->Note("n2", {3, {30, 20}}).ok());
  }
  disk.Restart(FaultyDisk::Unsynced::kLost);
  const DataDirectory again = OpenDirectory(disk);
  const auto starts = MemberStarts::Open(again);
  ASSERT_TRUE(starts.ok()) << starts.status();
  EXPECT_EQ((*starts)->Known("n2"), (Start{3, 30}));
  const absl::Status older = (*starts)->Note("n2", {2, {20}});
  EXPECT_TRUE(absl::IsFailedPrecondition(older)) << older;
  EXPECT_THAT(std::string(older.message()), HasSubstr("n2's directory is an older copy"));
  EXPECT_EQ((*starts)->Known("n2"), (Start{3, 30}));
}

TEST(Starts, AnOutdatedDirectoryIsNotStartedAgain) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(WriteStarts(directory, OfInit()).ok());
  ASSERT_TRUE((*MemberStarts::Open(directory))->MarkOutdated("n1 says\nso").ok());
  const auto again = MemberStarts::Open(directory);
  EXPECT_TRUE(absl::IsFailedPrecondition(again.status()));
  EXPECT_THAT(std::string(again.status().message()),
              HasSubstr("d must not be started any more: n1 says so"));
}

TEST(Starts, OfALargestClusterFitAndOneSlotThatIsCutOffDoesNoHarm) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  StartsRecord record = OfInit();
  for (int i = 0; i < 14; ++i) {
    record.others[std::string(30, 'n') + std::to_string(10 + i)] = {UINT64_MAX, UINT64_MAX};
  }
  while (record.own.nonces.size() < Starts::kNoncesMax) record.own = record.own.Next(UINT64_MAX);
  record.said = true;
  record.reached = UINT64_MAX;
  record.outdated = std::string(512, '.');
  ASSERT_TRUE(WriteStarts(directory, record).ok());
  EXPECT_EQ(*ReadStarts(directory), record);
  StartsRecord later = record;
  later.outdated.clear();
  ASSERT_TRUE(WriteStarts(directory, later).ok());
  auto file = disk.Open("d/starts", OpenMode::kReadWrite);
  ASSERT_TRUE((*file)->WriteAt(4096 + 100, "cut off").ok());
  EXPECT_EQ(*ReadStarts(directory), record);
  ASSERT_TRUE((*file)->WriteAt(100, "damaged").ok());
  EXPECT_TRUE(absl::IsDataLoss(ReadStarts(directory).status()));
}

// A backup with hard links (cp -al): a start that was written into both would make the copy the
// latest.
TEST(Starts, AreNotWrittenIntoACopyThatSharesTheFile) {
  std::string temporary = (std::filesystem::temp_directory_path() / "tripla-test-XXXXXX").string();
  ASSERT_NE(mkdtemp(temporary.data()), nullptr);
  const std::string path = temporary + "/d";
  const DataDirectory directory = *DataDirectory::Open(PosixDisk(), path);
  ASSERT_TRUE(WriteStarts(directory, OfInit()).ok());
  std::filesystem::create_hard_link(path + "/starts", temporary + "/copy");
  const auto starts = MemberStarts::Open(directory);
  ASSERT_TRUE(starts.ok()) << starts.status();
  EXPECT_TRUE((*starts)->Note("n2", {1, {9}}).ok());
  std::ifstream copy(temporary + "/copy");
  const std::string text{std::istreambuf_iterator<char>(copy), {}};
  EXPECT_THAT(text, HasSubstr("own 0 "));
  EXPECT_THAT(text, testing::Not(HasSubstr("member n2")));
  EXPECT_EQ(ReadStarts(directory)->own.count, 1u);
  std::filesystem::remove_all(temporary);
}

TEST(Starts, AChangedByteIsNotBelieved) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(WriteStarts(directory, OfInit()).ok());
  auto file = disk.Open("d/starts", OpenMode::kReadWrite);
  std::string text(4096, '\0');
  ASSERT_TRUE((*file)->ReadAt(0, text.data(), text.size()).ok());
  const size_t end = text.find("\n\n");
  for (size_t offset = 0; offset < end; ++offset) {
    ASSERT_TRUE((*file)->WriteAt(offset, std::string(1, text[offset] ^ 1)).ok());
    EXPECT_FALSE(ReadStarts(directory).ok()) << "at offset " << offset;
    ASSERT_TRUE((*file)->WriteAt(offset, text.substr(offset, 1)).ok());
  }
  EXPECT_EQ(*ReadStarts(directory), OfInit());
}

}  // namespace
}  // namespace tripla
