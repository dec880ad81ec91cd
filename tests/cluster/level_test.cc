// SPDX-License-Identifier: Apache-2.0
// R28: a cluster changes to a version that knows one level more, one server after another, back and
// forth, while clients write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/cluster/successive_writes.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;

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
  SuccessiveWrites load(cluster_.endpoints());
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

// The largest value changes in the same way. What one server has taken, each of them must take from
// it, whatever it takes from clients (C14).
class ValueSize : public Level {
 protected:
  void Change(int number, const std::string& bytes_max) {
    Level::Change(number, former_, {"--data-bytes-max", bytes_max});
  }

  CallAnswer SetLarge(int number, int key) {
    return Set(cluster_.stub(number), std::to_string(key), 0, large_);
  }

  // Perhaps after a change of leaders, which a busy machine may have.
  void ExpectLargeIsTaken(int number, int key) {
    CallAnswer answer;
    AwaitTrue([&] { return (answer = SetLarge(number, key)).status.ok(); },
              [&] { return answer.status.error_message(); });
  }

  // Clients that write meanwhile. A busy machine may be slow to choose a leader.
  static SuccessiveWritesOptions Writes(int first_key) {
    return {.first_key = first_key, .patience = std::chrono::seconds(30), .refusals = true};
  }

  // Larger than any entry that a server with the smaller size submits.
  const std::string large_ = std::string(size_t{6} << 20, 'x');
};

TEST_F(ValueSize, C14_BecomesSmallerAndLargerOneServerAfterTheOther) {
  const int late = cluster_.AwaitFollower();
  cluster_.Kill(late);
  ExpectLargeIsTaken(cluster_.AwaitLeader(), 100);
  // The late one is sent the large value by servers that take only small ones by then.
  for (int i = 0; i < kSize; ++i) {
    if (i != late) Change(i, "1MiB");
  }
  SuccessiveWrites smaller(cluster_.endpoints(), Writes(0));
  Change(late, "1MiB");
  smaller.End();
  cluster_.AwaitSameState();
  for (int i = 0; i < kSize; ++i) {
    EXPECT_EQ(Get(cluster_.stub(i), "100").reply.value().data().size(), large_.size()) << i;
    const CallAnswer refused = SetLarge(i, 110 + i);
    EXPECT_EQ(refused.status.error_code(), grpc::RESOURCE_EXHAUSTED);
    EXPECT_EQ(refused.applied(), v1::Undecided::NO);
  }

  SuccessiveWrites larger(cluster_.endpoints(), Writes(10));
  for (int i = 0; i < kSize; ++i) Change(i, "8MiB");
  larger.End();
  cluster_.AwaitLeader();
  for (int i = 0; i < kSize; ++i) ExpectLargeIsTaken(i, 120 + i);
  cluster_.AwaitSameState();
  for (int i = 0; i < kSize; ++i) {
    smaller.ExpectAllAt(cluster_.endpoint(i));
    larger.ExpectAllAt(cluster_.endpoint(i));
  }
}

}  // namespace
}  // namespace tripla
