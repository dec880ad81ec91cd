// SPDX-License-Identifier: Apache-2.0
// Three replicas one of which has a disk that is slow or full, and the calls between C++ and Java
// under the eyes of Java (R27).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <string>

#include "tests/harness/check_run.h"
#include "tests/harness/gate.h"
#include "tests/harness/small_disk.h"
#include "tests/harness/test_cluster.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr int kBad = 0;

// Writes that a client which knows all servers has acknowledged.
void ExpectWritesSucceed(TestCluster& cluster, int first_key, int count, const std::string& data) {
  Client client({.endpoints = cluster.endpoints(), .deadline = seconds(20)});
  for (int i = 0; i < count; ++i) {
    const Answer<Decided> set = client.Set(*Key::Parse(std::to_string(first_key + i)), 0, data);
    ASSERT_TRUE(set.ok()) << i << ": " << set.failure().message;
    ASSERT_EQ(set->result, Result::kSuccess);
  }
}

TEST(BadServer, R27_OneSlowDiskStopsNobody) {
  TemporaryDirectory directory;
  std::vector<TestCluster::Place> places(TestCluster::kSize);
  places[kBad].environment = {"LD_PRELOAD=" TRIPLA_BAD_DISK, "BAD_DISK=slow@50"};
  TestCluster cluster(directory.path(), {"--snapshot-interval", "1s"}, places);
  CheckRun check(cluster.endpoints(), seconds(5));
  ExpectWritesSucceed(cluster, 0, 200, "a");
  check.Finish();
  cluster.AwaitSameState();
}

// All write an image of the same 48 MB at the same moment, on slow disks, while clients write.
TEST(BadServer, C16_ImagesOfAllAtOnceOnSlowDisksLeaveTheLeader) {
  TemporaryDirectory directory;
  std::vector<TestCluster::Place> places(TestCluster::kSize);
  for (TestCluster::Place& place : places) {
    place.environment = {"LD_PRELOAD=" TRIPLA_BAD_DISK, "BAD_DISK=slow@10"};
  }
  TestCluster cluster(directory.path(), {"--snapshot-interval", "0"}, places);
  ExpectWritesSucceed(cluster, 0, 48, std::string(1 << 20, 'a'));
  const uint64_t term = cluster.Status(cluster.AwaitLeader()).term();
  for (int round = 0; round < 3; ++round) {
    std::vector<std::future<v1::SnapshotReply>> images;
    for (int server = 0; server < cluster.size(); ++server) {
      images.push_back(
          std::async(std::launch::async, [&, server] { return cluster.Snapshot(server); }));
    }
    ExpectWritesSucceed(cluster, 1000 * (round + 1), 100, "b");
    for (std::future<v1::SnapshotReply>& image : images) EXPECT_GT(image.get().bytes(), 40 << 20);
  }
  EXPECT_EQ(cluster.Status(cluster.AwaitLeader()).term(), term);
}

// Its leader sends again what it does not answer. That it has it in memory already is no answer:
// with the third gone, the leader's disk would be the only one that has what a client counts on.
TEST(BadServer, R27_WhatAFollowersDiskHasNotTakenIsNotAcknowledgedHoweverOftenItIsSent) {
  TemporaryDirectory directory;
  const Gate gate(directory.path() + "/gate");
  std::vector<TestCluster::Place> places(TestCluster::kSize);
  places[kBad].environment = gate.environment(TRIPLA_BAD_DISK);
  TestCluster cluster(directory.path(), {}, places);
  if (cluster.AwaitLeader() == kBad) cluster.Stop(kBad);
  cluster.BringBack(kBad);
  const int leader = cluster.AwaitLeader();
  ASSERT_NE(leader, kBad);
  const int third = TestCluster::kSize - kBad - leader;
  cluster.Kill(third);
  ExpectWritesSucceed(cluster, 0, 10, "a");
  gate.Close();
  const CallAnswer answer = Set(cluster.stub(leader), "1000", 0, "b");
  EXPECT_FALSE(answer.status.ok()) << "acknowledged, and on one disk of three";
  EXPECT_EQ(answer.applied(), v1::Undecided::UNKNOWN);
  cluster.process(kBad).AwaitOutput("bad disk: a sync waits");
  gate.Open();
  ExpectWritesSucceed(cluster, 2000, 10, "c");
  cluster.BringBack(third);
  cluster.AwaitSameState();
}

// gRPC has one thread for all calls.
TEST(BadServer, C7_ItsStatusAndReadsAreAnsweredWhileItsDiskHangs) {
  TemporaryDirectory directory;
  const Gate gate(directory.path() + "/gate");
  std::vector<TestCluster::Place> places(1);
  places[kBad].environment = gate.environment(TRIPLA_BAD_DISK);
  TestCluster cluster(directory.path(), {}, places);
  ExpectWritesSucceed(cluster, 0, 10, "a");
  gate.Close();
  cluster.process(kBad).AwaitOutput("bad disk: a listing waits");
  EXPECT_GT(cluster.Status(kBad).log_bytes(), 0u) << "not answered, or not known from before";
  EXPECT_EQ(Get(cluster.stub(kBad), "1").reply.value().data(), "a");
  gate.Open();
  ExpectWritesSucceed(cluster, 1000, 10, "b");
}

class OneFullDisk : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(disk_.mounted()) << disk_.why_not();
    std::filesystem::create_directory(disk_.path() + "/data");
    std::filesystem::create_directory_symlink(disk_.path() + "/data", directory_.path() + "/n1");
    cluster_ = std::make_unique<TestCluster>(directory_.path());
  }

  // The disk is filled, then the others must go on; with space it is like them again.
  void FillAndDrain() {
    disk_.Fill(0);
    ExpectWritesSucceed(*cluster_, 0, 100, std::string(100'000, 'a'));
    disk_.Drain();
    cluster_->AwaitSameState();  // without a restart
  }

  TemporaryDirectory directory_;
  SmallDisk disk_{uint64_t{96} << 20};
  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(OneFullDisk, R27_OfAFollowerStopsNobody) {
  if (cluster_->AwaitLeader() == kBad) cluster_->Stop(kBad);
  cluster_->BringBack(kBad);
  ASSERT_NE(cluster_->AwaitLeader(), kBad);
  FillAndDrain();
}

TEST_F(OneFullDisk, R27_OfTheLeaderMakesAnotherLead) {
  for (int leader = cluster_->AwaitLeader(); leader != kBad; leader = cluster_->AwaitLeader()) {
    cluster_->Stop(leader);  // it hands over
    cluster_->BringBack(leader);
  }
  FillAndDrain();
}

// Nobody can take over from the leader then, and nothing is gained by its end.
TEST(BadServer, R27_WithAllDisksFullReadsAreAnsweredAndWritesResumeByThemselves) {
  TemporaryDirectory directory;
  SmallDisk disk(uint64_t{192} << 20);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  for (const std::string node : {"n1", "n2", "n3"}) {
    std::filesystem::create_directory(disk.path() + "/" + node);
    std::filesystem::create_directory_symlink(disk.path() + "/" + node,
                                              directory.path() + "/" + node);
  }
  TestCluster cluster(directory.path());
  ExpectWritesSucceed(cluster, 0, 1, "a");
  const int leader = cluster.AwaitLeader();
  const uint64_t term = cluster.Status(leader).term();
  disk.Fill(uint64_t{1} << 20);
  AwaitTrue([&] { return !cluster.Status(leader).writable(); },
            [] { return "writes are taken though the disks are full"; });
  const CallAnswer refused = Set(cluster.stub(leader), "1", 0, "a");
  EXPECT_EQ(refused.status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(refused.applied(), v1::Undecided::NO);
  // Longer than a leader needs to find out that it cannot hand over.
  const auto end = std::chrono::steady_clock::now() + seconds(6);
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < TestCluster::kSize; ++i) {
      const CallAnswer got = Get(cluster.stub(i), "0");
      // A follower may lack an entry of the leader's, for which it has no room, and says so.
      if (i != leader && got.status.error_code() == grpc::UNAVAILABLE) continue;
      ASSERT_EQ(got.reply.value().data(), "a") << got.status.error_message();
    }
  }
  EXPECT_EQ(cluster.Status(leader).term(), term) << "they have elected another that cannot write";
  disk.Drain();
  ExpectWritesSucceed(cluster, 100, 100, "b");
  cluster.AwaitSameState();
}

TEST(BadServer, JavaFindsNothingWrongInTheCallsBetweenTheLanguages) {
  TemporaryDirectory directory;
  std::vector<TestCluster::Place> places(TestCluster::kSize);
  for (auto& place : places) place.environment = {"TRIPLA_JVM_OPTIONS=-Xcheck:jni"};
  TestCluster cluster(directory.path(), {}, places);
  ExpectWritesSucceed(cluster, 0, 200, "a");
  ExpectWritesSucceed(cluster, 1000, 3, std::string(1 << 20, 'b'));
  for (int i = 0; i < TestCluster::kSize; ++i) {
    EXPECT_EQ(Get(cluster.stub(i), "1").reply.value().data(), "a");
    cluster.Snapshot(i);
  }
  cluster.AwaitSameState();
  cluster.Stop(cluster.AwaitLeader());  // Stop() forgets what it has said: the others tell
  const int other = cluster.AwaitLeader();
  const std::string said = cluster.process(other).output();
  EXPECT_THAT(said, testing::Not(testing::AnyOf(HasSubstr("WARNING in native"),
                                                HasSubstr("FATAL ERROR in native"),
                                                HasSubstr("Warning: "))));
}

}  // namespace
}  // namespace tripla
