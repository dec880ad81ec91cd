// SPDX-License-Identifier: Apache-2.0
// Servers that are killed, paused and restarted under load (R11, R13, R27): what clients were told
// stays linearizable, and afterwards all replicas hold the same.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/check_run.h"
#include "tests/harness/dose.h"
#include "tests/harness/test_cluster.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

class Nemesis : public testing::Test {
 protected:
  static constexpr int kSize = TestCluster::kSize;
  static constexpr int kWithoutLease = 0;

  // One cluster for the whole suite: each test leaves all running. The first server does not trust
  // its lease.
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    std::vector<TestCluster::Place> places(kSize);
    places[kWithoutLease].flags = {"--read-lease", "off"};
    cluster_ = new TestCluster(directory_->path(), {"--snapshot-interval", "2s"}, places);
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
  }
  void SetUp() override {
    for (int i = 0; i < kSize; ++i) cluster().BringBack(i);
  }
  static TestCluster& cluster() { return *cluster_; }

  // Makes trouble of these kinds in turn, for as long as clients work; each kind at least once.
  void Disturb(milliseconds duration, const std::vector<std::function<void()>>& kinds) {
    CheckRun check(cluster().endpoints(), duration);
    for (size_t i = 0; i < kinds.size() || !check.IsOver(); ++i) kinds[i % kinds.size()]();
    check.Finish();
    cluster().AwaitSameState();
  }

  // Kills them, lets the clients meet that for a while, and starts them again.
  void KillAndRestart(const std::vector<int>& numbers) {
    for (const int number : numbers) cluster().Kill(number);
    LetPass(milliseconds(0), seconds(2));
    for (const int number : numbers) cluster().Start(number);
    for (const int number : numbers) cluster().AwaitReady(number);
  }

  void LetPass(milliseconds least, milliseconds most) {
    const auto span = static_cast<uint64_t>((most - least).count() + 1);
    std::this_thread::sleep_for(least + milliseconds(static_cast<int64_t>(chance_() % span)));
  }

  std::mt19937_64 chance_{Seed()};

 private:
  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestCluster* cluster_ = nullptr;
};

TEST_F(Nemesis, R27_NothingAcknowledgedIsLostOrTwofoldWhenServersAreKilled) {
  Disturb(LongDose() ? seconds(600) : seconds(10),
          {[&] { KillAndRestart({cluster().AwaitLeader()}); },
           [&] { KillAndRestart({cluster().AwaitFollower()}); },
           [&] {
             const int leader = cluster().AwaitLeader();
             KillAndRestart({leader, (leader + 1) % kSize});
           },
           [&] {
             KillAndRestart({0, 1, 2});
           }});
}

TEST_F(Nemesis, R11_NothingStaleIsReadWhenTheLeaderIsPaused) {
  Disturb(LongDose() ? seconds(300) : seconds(8), {[&] {
            const int leader = cluster().AwaitLeader();
            cluster().Pause(leader);
            LetPass(seconds(1), LongDose() ? seconds(20) : seconds(3));
            cluster().Resume(leader);
            LetPass(milliseconds(0), seconds(1));
          }});
}

// The worst case for a leader's lease: reads that reach the paused leader are answered by it as
// soon as it runs again, before it knows that another has led meanwhile.
TEST_F(Nemesis, R11_ALeaderThatWakesUpAnswersWithWhatItsSuccessorWrote) {
  for (int round = 0; round < (LongDose() ? 100 : 3); ++round) {
    const std::string key = std::to_string(1000 + round);
    if (round % 2 == 0) cluster().MakeLeader(kWithoutLease);
    const int leader = cluster().AwaitLeader();
    Del(cluster().stub(leader), key);
    const CallAnswer set = Set(cluster().stub(leader), key, 0, "before");
    ASSERT_TRUE(set.status.ok()) << set.status.error_message();
    cluster().Pause(leader);
    const int successor = cluster().AwaitLeader();
    AwaitTrue([&] { return TestAndSet(cluster().stub(successor), key, 1, 0, "after").status.ok(); },
              [] { return "the successor takes no writes"; });
    std::atomic<bool> enough{false};
    std::atomic<int> after{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 8; ++i) {
      readers.emplace_back([&] {
        while (!enough) {
          const CallAnswer read = Get(cluster().stub(leader), key);
          if (!read.status.ok()) continue;
          EXPECT_EQ(read.reply.value().data(), "after");
          ++after;
        }
      });
    }
    cluster().Resume(leader);
    AwaitTrue([&] { return after >= 100; }, [] { return "it never answers again"; });
    enough = true;
    for (std::thread& reader : readers) reader.join();
  }
}

TEST_F(Nemesis, ALeaderThatTrustsNoLeaseAsksAMajorityBeforeEachRead) {
  cluster().MakeLeader(kWithoutLease);
  ASSERT_TRUE(Set(cluster().stub(0), "5", 0, "x").status.ok());
  const uint64_t index = cluster().Status(0).log_index();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Get(cluster().stub(i % kSize), "5").status.ok());
  EXPECT_EQ(cluster().Status(0).log_index(), index) << "nothing is written for a read";
  for (const int follower : {1, 2}) cluster().Pause(follower);
  v1::GetRequest request;
  request.set_key(KeyBytes("5"));
  // Within the time of a lease: a leader that trusted it would answer.
  const CallAnswer read =
      Send(cluster().stub(0), &v1::KeyValue::Stub::Get, request, milliseconds(300));
  EXPECT_EQ(read.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  for (const int follower : {1, 2}) cluster().Resume(follower);
}

TEST_F(Nemesis, NoCallFailsWhileOneServerAfterAnotherIsRestarted) {
  std::atomic<bool> enough{false};
  std::atomic<int> calls{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&, i] {
      Client client({.endpoints = cluster().endpoints()});
      const Key key = *Key::Parse(std::to_string(2000 + i));
      for (int64_t version = 0; !enough; ++version, ++calls) {
        const Answer<Decided> answer =
            version == 0 ? client.Set(key, 0, "0")
                         : client.TestAndSet(key, 0, std::to_string(version), version);
        ASSERT_TRUE(answer.ok()) << answer.failure().message;
        ASSERT_EQ(answer->result, Result::kSuccess);
        const Answer<Decided> read = client.Get(key);
        ASSERT_TRUE(read.ok()) << read.failure().message;
        ASSERT_EQ(read->value->version, version + 1);
      }
    });
  }
  for (int round = 0; round < (LongDose() ? 10 : 1); ++round) {
    for (int i = 0; i < kSize; ++i) {
      cluster().Stop(i);
      const int before = calls;
      AwaitTrue([&] { return calls > before + 20 || HasFailure(); },
                [] { return "two do not go on without it"; });
      cluster().Start(i);
      cluster().AwaitReady(i);
    }
  }
  enough = true;
  for (std::thread& caller : callers) caller.join();
  cluster().AwaitSameState();
}

}  // namespace
}  // namespace tripla
