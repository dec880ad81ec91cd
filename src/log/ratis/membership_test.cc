// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/membership.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include "disk/faulty_disk.h"
#include "log/ratis/vote.h"

namespace tripla {
namespace {

using testing::AllOf;
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

TEST(Membership, EveryNodeReadsTheSameMembersInWhateverOrderTheyAreWritten) {
  const auto text = [](const char* node, const char* cluster) {
    return MembersText(ParseMembership(node, cluster)->members);
  };
  EXPECT_EQ(text("n2", "n3=[::1]:1/[::1]:2,n1=a:1/a:2,n2=b:1/b:2"), kThree);
  EXPECT_EQ(text("n1", kThree), kThree);
}

TEST(Membership, TheIdOfAClusterComesFromItsDirectoriesAlone) {
  EXPECT_EQ(ClusterIdOf({1, 2, 3}), ClusterIdOf({3, 1, 2}));
  EXPECT_NE(ClusterIdOf({1, 2, 3}), ClusterIdOf({1, 2, 4}));
  EXPECT_EQ(ClusterIdOf({1, 2, 3}).size(), 36u);
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
  EXPECT_FALSE((*read)->is_formed());
  EXPECT_EQ((*read)->members, membership.members);
  EXPECT_EQ(ReadStarts(directory)->own.count, 0u);
  EXPECT_THAT(std::string(InitializeReplica(directory, membership).message()),
              HasSubstr("is a replica's already"));
}

Membership Formed(const char* node) {
  Membership membership = *ParseMembership(node, kThree);
  membership.cluster = ClusterIdOf({1, 2, 3});
  return membership;
}

// Prepared, and its cluster is formed.
void MakeFormed(const DataDirectory& directory, const Membership& membership) {
  Membership before = membership;
  before.cluster.clear();
  ASSERT_TRUE(InitializeReplica(directory, before).ok());
  ASSERT_TRUE(JoinCluster(directory, membership, *ReadStarts(directory)).ok());
  ASSERT_TRUE(PrepareFirstStart(directory, membership).ok());
  ASSERT_TRUE(MemberStarts::Open(directory).ok());
}

TEST(Membership, AClusterIsFormedOnceAndItsIdIsRemembered) {
  FaultyDisk disk;
  const Membership membership = Formed("n2");
  MakeFormed(OpenDirectory(disk), membership);
  disk.Restart(FaultyDisk::Unsynced::kLost);
  EXPECT_EQ((*ReadMembership(OpenDirectory(disk)))->cluster, membership.cluster);
}

TEST(Membership, TwoDirectoriesOfTheSameMemberAreNotTheSame) {
  FaultyDisk disk;
  const DataDirectory one = *DataDirectory::Open(disk, "d1");
  const DataDirectory two = *DataDirectory::Open(disk, "d2");
  ASSERT_TRUE(InitializeReplica(one, *ParseMembership("n1", kThree)).ok());
  ASSERT_TRUE(InitializeReplica(two, *ParseMembership("n1", kThree)).ok());
  EXPECT_NE(ReadStarts(one)->own, ReadStarts(two)->own);
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
  const Membership membership = Formed("n1");
  MakeFormed(directory, membership);
  ASSERT_TRUE(disk.Remove(RatisLogPath(directory, membership) + "/raft-meta").ok());
  const auto read = ReadMembership(directory);
  EXPECT_TRUE(absl::IsDataLoss(read.status()));
  EXPECT_THAT(std::string(read.status().message()),
              AllOf(HasSubstr("raft-meta"), HasSubstr("without its log and its vote")));
}

TEST(Membership, C14_AFileOfTheVoteThatIsDamagedIsNamed) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  const Membership membership = Formed("n1");
  MakeFormed(directory, membership);
  const std::string path = RatisLogPath(directory, membership) + "/raft-meta";
  for (const std::string_view damaged :
       {std::string_view("\xff\xfe\0\1", 4), std::string_view(""),
        std::string_view("term=x\nvotedFor=n1\n"), std::string_view("term=-1\nvotedFor=n1\n"),
        std::string_view("term=5\n"), std::string_view("term=5\nvotedFor=\xff\n"),
        std::string_view("xterm=5\nxvotedFor=n1\n")}) {
    ASSERT_TRUE(disk.Remove(path).ok());
    ASSERT_TRUE((*disk.Open(path, OpenMode::kCreateFresh))->WriteAt(0, damaged).ok());
    const auto read = ReadMembership(directory);
    EXPECT_TRUE(absl::IsDataLoss(read.status())) << damaged;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(path + " is damaged")) << damaged;
  }
  ASSERT_TRUE(disk.Remove(path).ok());
  const std::string sound = "#\n#Mon Nov 30 06:00:00 UTC 2026\nvotedFor=\nterm=5\n";
  ASSERT_TRUE((*disk.Open(path, OpenMode::kCreateFresh))->WriteAt(0, sound).ok());
  EXPECT_TRUE(ReadMembership(directory).ok());
  EXPECT_EQ(ReadVote(directory, membership)->term, 5u);
}

TEST(Membership, C1_ATermBelowTheLogsIsRaisedAndItsVoteIsTaken) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  const Membership membership = Formed("n1");
  MakeFormed(directory, membership);
  const std::string path = RatisLogPath(directory, membership) + "/raft-meta";
  ASSERT_TRUE(disk.Remove(path).ok());
  ASSERT_TRUE((*disk.Open(path, OpenMode::kCreateFresh))->WriteAt(0, "term=5\nvotedFor=n2\n").ok());
  testing::internal::CaptureStderr();
  ASSERT_TRUE(RaiseTerm(directory, membership, 5).ok());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(ReadVote(directory, membership)->voted_for, "n2");
  testing::internal::CaptureStderr();
  ASSERT_TRUE(RaiseTerm(directory, membership, 7).ok());
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              AllOf(HasSubstr("says term 5"), HasSubstr("is of term 7"), HasSubstr("--rebuild")));
  EXPECT_EQ(ReadVote(directory, membership)->term, 7u);
  EXPECT_EQ(ReadVote(directory, membership)->voted_for, "n1");
}

TEST(Membership, AReplicaThatLostItsNameIsNoStandaloneServer) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  MakeFormed(directory, Formed("n1"));
  ASSERT_TRUE(disk.Remove("d/replica").ok());
  const auto read = ReadMembership(directory);
  EXPECT_TRUE(absl::IsDataLoss(read.status()));
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("d/replica is missing"));
}

TEST(Membership, AReplicaThatIsRebuiltRemembersFromWhereItVotesAndHasVotedItself) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  Membership membership = Formed("n1");
  membership.votes_from = 1234;
  StartsRecord starts;
  starts.own = {.count = 77, .nonces = {5}};
  starts.others["n2"] = {.count = 1, .nonce = 2};
  ASSERT_TRUE(InitializeReplica(directory, membership, 7, starts).ok());
  EXPECT_EQ(*ReadStarts(directory), starts);
  EXPECT_EQ((*ReadMembership(directory))->votes_from, 1234u);
  auto file = disk.Open(RatisLogPath(directory, membership) + "/raft-meta", OpenMode::kRead);
  std::string text(*(*file)->Size(), '\0');
  ASSERT_TRUE((*file)->ReadAt(0, text.data(), text.size()).ok());
  EXPECT_EQ(text, "term=7\nvotedFor=n1\n");
}

TEST(Membership, AChangedByteIsDamage) {
  FaultyDisk disk;
  const DataDirectory directory = OpenDirectory(disk);
  MakeFormed(directory, Formed("n1"));
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
  MakeFormed(directory, Formed("n1"));
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

TEST(Membership, APowerCutWhileAClusterIsFormedLeavesItFormedHereOrNot) {
  for (uint64_t step = 1;; ++step) {
    FaultyDisk disk(step);
    bool done = false;
    {
      const DataDirectory directory = OpenDirectory(disk);
      ASSERT_TRUE(InitializeReplica(directory, *ParseMembership("n1", kThree)).ok());
      disk.CutPowerAt(disk.steps() + step);
      StartsRecord starts = *ReadStarts(directory);
      starts.others["n2"] = {.count = 0, .nonce = 1};
      done = JoinCluster(directory, Formed("n1"), starts).ok();
    }
    disk.Restart(FaultyDisk::Unsynced::kByChance);
    const DataDirectory directory = OpenDirectory(disk);
    const auto read = ReadMembership(directory);
    ASSERT_TRUE(read.ok() && *read) << "step " << step << ": " << read.status();
    EXPECT_TRUE((*read)->is_formed() || !done);
    const auto starts = ReadStarts(directory);
    ASSERT_TRUE(starts.ok()) << "step " << step << ": " << starts.status();
    EXPECT_TRUE(!(*read)->is_formed() || starts->others.contains("n2")) << "step " << step;
    if (!done) {
      EXPECT_TRUE((*read)->is_formed() || JoinCluster(directory, Formed("n1"), *starts).ok());
      continue;
    }
    break;
  }
}

}  // namespace
}  // namespace tripla
