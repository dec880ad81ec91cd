// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/membership.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "disk/faulty_disk.h"

namespace tripla {
namespace {

using testing::HasSubstr;

constexpr char kThree[] = "n1=a:1/a:2,n2=b:1/b:2,n3=[::1]:1/[::1]:2";

DataDirectory OpenDirectory(FaultyDisk& disk) { return *DataDirectory::Open(disk, "d"); }

TEST(Membership, ReadsMembersAndKnowsItself) {
  const absl::StatusOr<Membership> membership = ParseMembership("n2", kThree);
  ASSERT_TRUE(membership.ok()) << membership.status();
  EXPECT_EQ(membership->self(), (Member{"n2", "b:1", "b:2"}));
  EXPECT_EQ(membership->Find("n3")->raft_endpoint, "[::1]:2");
  EXPECT_EQ(membership->Find("n4"), nullptr);
}

TEST(Membership, EveryNodeFindsTheSameClusterInWhateverOrderItIsWritten) {
  const std::string cluster = ParseMembership("n1", kThree)->cluster;
  EXPECT_EQ(ParseMembership("n2", "n3=[::1]:1/[::1]:2,n1=a:1/a:2,n2=b:1/b:2")->cluster, cluster);
  EXPECT_NE(ParseMembership("n2", "n1=a:1/a:2,n2=b:1/b:2")->cluster, cluster);
  EXPECT_EQ(cluster.size(), 36u);
}

TEST(Membership, RefusesWhatIsNoClusterAndSaysWhy) {
  const auto error = [](std::string_view node, std::string_view cluster) {
    return std::string(ParseMembership(node, cluster).status().message());
  };
  EXPECT_THAT(error("n4", kThree), HasSubstr("no member \"n4\""));
  EXPECT_THAT(error("n1", ""), HasSubstr("\"\" is no member"));
  EXPECT_THAT(error("n1", "n1=a:1"), HasSubstr("\"n1=a:1\" is no member"));
  EXPECT_THAT(error("n1", "n1=a:1/a:99999"), HasSubstr("\"a:99999\" is not HOST:PORT"));
  EXPECT_THAT(error("n1", "n1=a:0/a:1"), HasSubstr("\"a:0\" is not HOST:PORT"));
  EXPECT_THAT(error("n1", "n1=0.0.0.0:1/a:1"), HasSubstr("\"0.0.0.0:1\" is not an address of n1"));
  EXPECT_THAT(error("n1", "n1=a:1/[::]:1"), HasSubstr("\"[::]:1\" is not an address of n1"));
  EXPECT_THAT(error("n 1", "n 1=a:1/a:2"), HasSubstr("\"n 1\" is no node id"));
  EXPECT_THAT(error("n1", "n1=a:1/a:2,n1=b:1/b:2"), HasSubstr("\"n1\" comes twice"));
  EXPECT_THAT(error("n1", "n1=a:1/a:1"), HasSubstr("\"a:1\" comes twice"));
}

TEST(Membership, InitIsRememberedAndDoneOnce) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  const Membership membership = *ParseMembership("n2", kThree);
  EXPECT_EQ(ReadMembership(directory)->has_value(), false);
  ASSERT_TRUE(InitializeReplica(directory, membership).ok());
  const auto read = ReadMembership(directory);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ((*read)->node, "n2");
  EXPECT_EQ((*read)->cluster, membership.cluster);
  EXPECT_EQ((*read)->members, membership.members);
  EXPECT_THAT(std::string(InitializeReplica(directory, membership).message()),
              HasSubstr("is a replica's already"));
}

TEST(Membership, ADirectoryWithDataCannotBecomeAReplicas) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(disk.Open("d/image/00000000000000000001.image", OpenMode::kCreateFresh).ok());
  const absl::Status status = InitializeReplica(directory, *ParseMembership("n1", kThree));
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("holds data"));
}

TEST(Membership, WithoutItsVoteAReplicaIsDamaged) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  const Membership membership = *ParseMembership("n1", kThree);
  ASSERT_TRUE(InitializeReplica(directory, membership).ok());
  ASSERT_TRUE(disk.Remove(RatisLogPath(directory, membership) + "/raft-meta").ok());
  const auto read = ReadMembership(directory);
  EXPECT_TRUE(absl::IsDataLoss(read.status()));
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("raft-meta is missing or empty"));
}

TEST(Membership, AReplicaThatLostItsNameIsNoStandaloneServer) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(InitializeReplica(directory, *ParseMembership("n1", kThree)).ok());
  ASSERT_TRUE(disk.Remove("d/replica").ok());
  const auto read = ReadMembership(directory);
  EXPECT_TRUE(absl::IsDataLoss(read.status()));
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("d/replica is missing"));
}

TEST(Membership, AReplicaThatIsRebuiltRemembersFromWhereItVotesAndHasVotedItself) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  Membership membership = *ParseMembership("n1", kThree);
  membership.votes_from = 1234;
  ASSERT_TRUE(InitializeReplica(directory, membership, 7).ok());
  EXPECT_EQ((*ReadMembership(directory))->votes_from, 1234u);
  auto file = disk.Open(RatisLogPath(directory, membership) + "/raft-meta", OpenMode::kRead);
  std::string text(*(*file)->Size(), '\0');
  ASSERT_TRUE((*file)->ReadAt(0, text.data(), text.size()).ok());
  EXPECT_EQ(text, "term=7\nvotedFor=n1\n");
}

TEST(Membership, AChangedByteIsDamage) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(InitializeReplica(directory, *ParseMembership("n1", kThree)).ok());
  auto file = disk.Open("d/replica", OpenMode::kReadWrite);
  const uint64_t size = *(*file)->Size();
  for (uint64_t offset = 0; offset < size; ++offset) {
    char byte = 0;
    ASSERT_TRUE((*file)->ReadAt(offset, &byte, 1).ok());
    ASSERT_TRUE((*file)->WriteAt(offset, std::string(1, byte ^ 1)).ok());
    EXPECT_TRUE(absl::IsDataLoss(ReadMembership(directory).status())) << "at offset " << offset;
    ASSERT_TRUE((*file)->WriteAt(offset, std::string(1, byte)).ok());
  }
  EXPECT_TRUE(ReadMembership(directory).ok());
}

TEST(Membership, ALaterFormatIsNotTakenForFormat1) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  ASSERT_TRUE(InitializeReplica(directory, *ParseMembership("n1", kThree)).ok());
  auto file = disk.Open("d/replica", OpenMode::kReadWrite);
  std::string text(*(*file)->Size(), '\0');
  ASSERT_TRUE((*file)->ReadAt(0, text.data(), text.size()).ok());
  text.insert(text.find('\n'), "0");  // format 10
  text.resize(text.rfind("check "));
  text += fmt::format("check {:016x}\n", XXH3_64bits(text.data(), text.size()));
  ASSERT_TRUE((*file)->WriteAt(0, text).ok());
  const absl::Status status = ReadMembership(directory).status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
}

TEST(Membership, APowerCutDuringInitLeavesAReplicaOrNone) {
  for (uint64_t step = 1;; ++step) {
    FaultyDisk disk(step);
    const Membership membership = *ParseMembership("n1", kThree);
    bool done = false;
    {
      const DataDirectory directory = OpenDirectory(disk);
      disk.CutPowerAt(disk.steps() + step);
      done = InitializeReplica(directory, membership).ok();
    }
    disk.Restart(FaultyDisk::Unsynced::kByChance);
    const auto read = ReadMembership(OpenDirectory(disk));
    if (!read.ok()) {
      EXPECT_FALSE(done) << "step " << step << ": " << read.status();
      EXPECT_THAT(std::string(read.status().message()), HasSubstr("init was cut off")) << step;
    }
    if (!done) continue;
    EXPECT_TRUE(read->has_value());
    break;
  }
}

}  // namespace
}  // namespace tripla
