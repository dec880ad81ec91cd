// SPDX-License-Identifier: Apache-2.0
// Networks that fall apart under load, with clients on either side (R11, R27).
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/check_run.h"
#include "tests/harness/dose.h"
#include "tests/harness/network.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Partition : public testing::Test {
 protected:
  static constexpr int kSize = TestCluster::kSize;

  static void SetUpTestSuite() {
    network_ = new Network(kSize);
    if (!network_->made()) return;
    directory_ = new TemporaryDirectory();
    std::vector<TestCluster::Place> places(kSize);
    for (int i = 0; i < kSize; ++i) {
      places[i].host = network_->host(i);
      places[i].launcher = network_->launcher(i);
    }
    cluster_ = new TestCluster(directory_->path(), {}, places);
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
    delete network_;
  }
  void SetUp() override {
    if (!network_->made()) GTEST_SKIP() << network_->why_not();
  }
  static TestCluster& cluster() { return *cluster_; }
  static Network& network() { return *network_; }

  // Lets the network be so, over and over, while clients work; it is healed between.
  void Disturb(const std::function<void(int leader)>& cut) {
    CheckRun check(cluster().endpoints(), LongDose() ? seconds(120) : seconds(4));
    do {
      cut(cluster().AwaitLeader());
      LetPass(milliseconds(500), seconds(4));
      network().HealAll();
      LetPass(milliseconds(0), seconds(1));
    } while (!check.IsOver());
    check.Finish();
    cluster().AwaitSameState();
  }

  void LetPass(milliseconds least, milliseconds most) {
    const auto span = static_cast<uint64_t>((most - least).count() + 1);
    std::this_thread::sleep_for(least + milliseconds(static_cast<int64_t>(chance_() % span)));
  }

  std::chrono::nanoseconds TimeUntilFoundAgain(const std::string& key);

  int ARandomServer() { return static_cast<int>(chance_() % kSize); }
  int AnotherThan(int server) { return (server + 1 + static_cast<int>(chance_() % 2)) % kSize; }

  std::mt19937_64 chance_{Seed()};

 private:
  inline static Network* network_ = nullptr;
  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestCluster* cluster_ = nullptr;
};

TEST_F(Partition, TheLeaderIsAloneWithSomeOfTheClients) {
  Disturb([](int leader) {
    for (int other = 1; other < kSize; ++other) {
      network().CutBothWays(leader, (leader + other) % kSize);
    }
  });
}

TEST_F(Partition, OneWayOfOneLinkIsCut) {
  Disturb([this](int leader) {
    const int other = AnotherThan(leader);
    if (chance_() % 2 == 0) {
      network().Cut(leader, other);
    } else {
      network().Cut(other, leader);
    }
  });
}

TEST_F(Partition, NobodyHearsTheLeaderThoughItHearsAll) {
  Disturb([](int leader) {
    for (int other = 1; other < kSize; ++other) network().Cut(leader, (leader + other) % kSize);
  });
}

TEST_F(Partition, TheClientsAreCutOffFromTheLeader) {
  Disturb([](int leader) { network().CutBothWays(Network::kClients, leader); });
}

TEST_F(Partition, LinksComeAndGo) {
  Disturb([this](int) {
    for (int i = 0; i < 10; ++i) {
      const int one = ARandomServer();
      network().CutBothWays(one, AnotherThan(one));
      LetPass(milliseconds(50), milliseconds(300));
      if (i % 3 == 2) network().HealAll();
    }
  });
}

// Cuts one off, heals the network, and returns how long it takes until that one knows what was
// written meanwhile.
std::chrono::nanoseconds Partition::TimeUntilFoundAgain(const std::string& key) {
  const int leader = cluster().AwaitLeader();
  const int lonely = AnotherThan(leader);
  for (int other = 0; other < kSize; ++other) {
    if (other != lonely) network().CutBothWays(lonely, other);
  }
  const CallAnswer written = Set(cluster().stub(leader), key, 0, "a");
  EXPECT_TRUE(written.status.ok()) << written.status.error_message();
  const uint64_t revision = written.reply.revision();
  LetPass(seconds(2), seconds(4));
  EXPECT_NE(cluster().Status(lonely).revision(), revision);
  network().HealAll();
  const auto healed = std::chrono::steady_clock::now();
  AwaitTrue([&] { return cluster().Status(lonely).revision() >= revision; },
            [] { return "it never comes back"; });
  return std::chrono::steady_clock::now() - healed;
}

// A server that waits longer and longer between its attempts would never be found so soon; one that
// does not is found late only where the machine is busy, and seldom.
TEST_F(Partition, ServersThatWereCutOffAreFoundAgainSoon) {
  for (int round = 0; TimeUntilFoundAgain(std::to_string(round)) >= seconds(3); ++round) {
    ASSERT_LT(round, 5) << "a second is promised";
  }
}

}  // namespace
}  // namespace tripla
