// SPDX-License-Identifier: Apache-2.0
// R28: a cluster changes to a version that knows one level more, one server after another, back and
// forth, while clients write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/test_cluster.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Clients that replace an entry of their own without pause. No call of theirs may fail.
class Load {
 public:
  explicit Load(const std::vector<std::string>& endpoints) {
    for (int i = 0; i < kClients; ++i) {
      clients_.emplace_back([this, endpoints, i] {
        Client client({.endpoints = endpoints});
        for (int64_t version = 0; !enough_; ++version) {
          const std::string data = std::to_string(version + 1);
          const Answer<Decided> answer = version == 0
                                             ? client.Set(KeyOf(i), 0, data)
                                             : client.TestAndSet(KeyOf(i), 0, data, version);
          ASSERT_TRUE(answer.ok()) << answer.failure().message;
          ASSERT_EQ(answer->result, Result::kSuccess) << "an acknowledged write is lost";
          written_[i] = version + 1;
        }
      });
    }
  }
  ~Load() { End(); }

  void End() {
    enough_ = true;
    for (std::thread& client : clients_) {
      if (client.joinable()) client.join();
    }
  }

  // After the end: what was acknowledged last is what this server holds.
  void ExpectAllAt(const std::string& endpoint) const {
    Client client({.endpoints = {endpoint}});
    for (int i = 0; i < kClients; ++i) {
      const Answer<Decided> found = client.Get(KeyOf(i));
      ASSERT_TRUE(found.ok()) << found.failure().message;
      ASSERT_TRUE(found->value.has_value());
      EXPECT_EQ(found->value->version, written_[i]);
      EXPECT_GT(written_[i], 0);
    }
  }

 private:
  static constexpr int kClients = 3;
  static Key KeyOf(int i) { return *Key::Parse(std::to_string(i)); }

  std::atomic<bool> enough_{false};
  std::atomic<int64_t> written_[kClients] = {};
  std::vector<std::thread> clients_;
};

class Level : public testing::Test {
 protected:
  static constexpr int kSize = TestCluster::kSize;
  const std::string former_ = ProgramPath("triplad");
  const std::string newer_ = TRIPLA_LEVEL_2;

  // Starts a server again with this program and these flags.
  void Change(int number, const std::string& program, const std::vector<std::string>& flags = {}) {
    if (cluster_.Runs(number)) cluster_.Stop(number);
    cluster_.place(number).program = program;
    cluster_.place(number).flags = flags;
    cluster_.BringBack(number);
  }

  void ExpectLevelOfAll(uint64_t level) {
    for (int i = 0; i < kSize; ++i) {
      if (!cluster_.Runs(i)) continue;
      EXPECT_EQ(cluster_.Status(i).level(), level) << i;
    }
  }

  // Waits until the leader has asked all and says this.
  void AwaitHeldBack(const std::string& why) {
    std::string says;
    AwaitTrue(
        [&] {
          says = cluster_.Status(cluster_.AwaitLeader()).level_held_back();
          return says == why;
        },
        [&] { return "the leader says: " + says; });
  }

  // The former version does not run on this directory, and says both levels and this.
  void ExpectFormerEnds(int number, const std::string& because) {
    cluster_.place(number).program = former_;
    cluster_.Start(number);
    Process& process = cluster_.process(number);
    process.AwaitOutput("level 2 is reached");
    if (!HasFailure()) {
      EXPECT_GT(process.Wait(), 0);
      EXPECT_THAT(process.output(),
                  AllOf(HasSubstr("knows level 1: use the newer one"), HasSubstr(because)));
    }
    cluster_.Kill(number);
    cluster_.place(number).program = newer_;
  }

  const TemporaryDirectory directory_;
  TestCluster cluster_{directory_.path(), {"--snapshot-interval", "0"}};
};

TEST_F(Level, R28_RollsUpHeldBackAndBackAgainUnderLoadAndRisesOnceAllKnowTheNext) {
  Load load(cluster_.endpoints());
  for (int i = 0; i < kSize; ++i) Change(i, newer_, {"--level-max", "1"});
  AwaitHeldBack("--level-max 1");
  Change(2, former_);
  ExpectLevelOfAll(1);

  Change(0, newer_);
  Change(1, newer_);
  if (cluster_.AwaitLeader() == 2) Change(2, former_);
  AwaitHeldBack("n3 knows only level 1");
  ExpectLevelOfAll(1);
  cluster_.Stop(2);
  AwaitHeldBack("n3 does not answer");
  ExpectLevelOfAll(1);

  Change(2, newer_);
  for (int i = 0; i < kSize; ++i) {
    AwaitTrue([&] { return cluster_.Status(i).level() == 2; },
              [&] { return cluster_.process(i).output(); });
    cluster_.process(i).AwaitOutput("level 2 is reached");
  }
  load.End();
  cluster_.AwaitSameState();
  for (int i = 0; i < kSize; ++i) load.ExpectAllAt(cluster_.endpoint(i));

  // One by what the others say, as its log is applied only when it is told how far, one by its
  // image.
  const int leader = cluster_.AwaitLeader();
  const int of_log = (leader + 1) % kSize;
  const int of_image = (leader + 2) % kSize;
  cluster_.Kill(of_log);
  ExpectFormerEnds(of_log, "this node cannot take part with");
  cluster_.Snapshot(of_image);
  cluster_.Kill(of_image);
  ExpectFormerEnds(of_image, ".image at offset 0");
}

}  // namespace
}  // namespace tripla
