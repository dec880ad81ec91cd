// SPDX-License-Identifier: Apache-2.0
// What is known and what is refused when servers are gone, and how they come back (R13, R27).
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <vector>

#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using Stub = v1::KeyValue::Stub;

class Recovery : public testing::Test {
 protected:
  static constexpr int kSize = TestCluster::kSize;

  // One cluster for the whole suite: each test uses keys of its own. Images when asked for only.
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    cluster_ = new TestCluster(directory_->path(), {"--snapshot-interval", "0"});
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
  }
  void SetUp() override {
    for (int i = 0; i < kSize; ++i) cluster().BringBack(i);
  }
  static TestCluster& cluster() { return *cluster_; }

  static v1::SetRequest Request(int number) {
    v1::SetRequest request;
    request.set_key(KeyBytes(std::to_string(number)));
    request.set_data(std::to_string(number));
    request.mutable_request_id()->set_client("0123456789abcdef");
    request.mutable_request_id()->set_sequence(static_cast<uint64_t>(number));
    return request;
  }

  // Sends it to any that runs until one decides.
  static v1::Reply Settle(const v1::SetRequest& request) {
    CallAnswer answer;
    int turn = 0;
    AwaitTrue(
        [&] {
          const int number = turn++ % kSize;
          if (!cluster().Runs(number)) return false;
          answer = Send(cluster().stub(number), &Stub::Set, request, milliseconds(5000));
          return answer.status.ok();
        },
        [&] { return answer.status.error_message(); });
    return answer.reply;
  }

 private:
  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestCluster* cluster_ = nullptr;
};

// The leader is killed with many writes under way: some are committed and not answered.
TEST_F(Recovery, R13_AWriteSentAgainAfterItsLeaderWasKilledIsAppliedOnce) {
  constexpr int kWrites = 300;
  const int leader = cluster().AwaitLeader();
  std::vector<std::future<CallAnswer>> calls;
  for (int i = 0; i < kWrites; ++i) {
    calls.push_back(std::async(std::launch::async, [leader, request = Request(1000 + i)] {
      return Send(cluster().stub(leader), &Stub::Set, request, milliseconds(5000));
    }));
  }
  calls[0].wait();  // some are answered by then, some under way, some not begun
  cluster().Kill(leader);
  int answered = 0;
  std::vector<v1::Reply> first;
  for (int i = 0; i < kWrites; ++i) {
    const CallAnswer before = calls[i].get();
    first.push_back(Settle(Request(1000 + i)));
    EXPECT_EQ(first.back().result(), v1::SUCCESS) << i;
    if (!before.status.ok()) continue;
    ++answered;
    EXPECT_TRUE(first.back().replayed()) << i << " was acknowledged and lost";
    EXPECT_EQ(first.back().revision(), before.reply.revision()) << i;
  }
  EXPECT_GT(answered, 0);
  cluster().Start(leader);
  cluster().AwaitReady(leader);
  for (int i = 0; i < kSize; ++i) cluster().Snapshot(i);
  for (int i = 0; i < kSize; ++i) {
    cluster().Kill(i);
    cluster().Start(i);
    cluster().AwaitReady(i);
  }
  for (int i = 0; i < kWrites; ++i) {
    const v1::Reply again = Settle(Request(1000 + i));
    EXPECT_TRUE(again.replayed()) << i << " is forgotten after the restart of all";
    EXPECT_EQ(again.revision(), first[i].revision());
  }
  cluster().AwaitSameState();
}

TEST_F(Recovery, AFollowerTheLogDoesNotReachBackToIsCaughtUpByAnImageWhileTheLeaderServes) {
  const std::string megabyte(1 << 20, 'x');
  const int follower = cluster().AwaitFollower();
  const v1::Reply before = Settle(Request(2000));
  cluster().Kill(follower);
  const int leader = cluster().AwaitLeader();
  const auto write = [&](int number) {
    const CallAnswer answer =
        Set(cluster().stub(leader), std::to_string(number), 0, megabyte + std::to_string(number));
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  };
  // The log is forgotten by files of 16 MiB, once two images hold what is in them.
  for (int i = 0; i < 40; ++i) write(2100 + i);
  for (int round = 0; round < 2; ++round) {
    write(2200 + round);
    for (int i = 0; i < kSize; ++i) {
      if (cluster().Runs(i)) cluster().Snapshot(i);
    }
  }
  AwaitTrue([&] { return cluster().Status(leader).log_bytes() < uint64_t{40} << 20; },
            [&] { return "the log is kept for ever: " + cluster().Status(leader).DebugString(); });
  cluster().Start(follower);
  for (int i = 0; i < 10; ++i) write(2300 + i);
  cluster().AwaitReady(follower);
  cluster().AwaitSameState();
  cluster().process(follower).AwaitOutput("it has taken over the leader's image");
  EXPECT_EQ(Get(cluster().stub(follower), "2139").reply.value().data(), megabyte + "2139");
  // What ids were decided has come with the image.
  const CallAnswer again = Send(cluster().stub(follower), &Stub::Set, Request(2000));
  EXPECT_TRUE(again.reply.replayed());
  EXPECT_EQ(again.reply.revision(), before.revision());
  // And it starts from it.
  cluster().Kill(follower);
  cluster().Start(follower);
  cluster().AwaitReady(follower);
  cluster().AwaitSameState();
}

TEST_F(Recovery, R27_WithoutAMajorityWritesFailInTimeNothingStaleIsReadAndServiceReturnsByItself) {
  const int leader = cluster().AwaitLeader();
  const int last = (leader + 1) % kSize;
  ASSERT_TRUE(Set(cluster().stub(leader), "3000", 0, "a").status.ok());
  ASSERT_EQ(Get(cluster().stub(last), "3000").reply.value().data(), "a");  // it knows it, then
  for (int i = 0; i < kSize; ++i) {
    if (i != last) cluster().Kill(i);
  }
  v1::SetRequest request = Request(3001);
  const auto began = std::chrono::steady_clock::now();
  CallAnswer write = Send(cluster().stub(last), &Stub::Set, request, milliseconds(2000));
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(4000));
  EXPECT_FALSE(write.status.ok());
  AwaitTrue(
      [&] {
        write = Send(cluster().stub(last), &Stub::Set, request, milliseconds(2000));
        return write.status.error_code() == grpc::UNAVAILABLE;
      },
      [&] { return write.status.error_message(); });
  EXPECT_TRUE(write.applied().has_value()) << write.status.error_message();
  v1::GetRequest read;
  EXPECT_EQ(Send(cluster().stub(last), &Stub::Get, read).status.error_code(),
            grpc::INVALID_ARGUMENT)
      << "an empty key is wrong whoever leads";
  read.set_key(KeyBytes("3000"));
  EXPECT_FALSE(Send(cluster().stub(last), &Stub::Get, read, milliseconds(2000)).status.ok());
  read.set_consistency(v1::STALE);
  EXPECT_EQ(Send(cluster().stub(last), &Stub::Get, read).reply.value().data(), "a");
  Process command({ProgramPath("tripla"), "--server", cluster().endpoint(last), "--timeout", "3s",
                   "set", "3002", "b"});
  const int exit_code = command.Wait();
  EXPECT_TRUE(exit_code == 6 || exit_code == 7) << exit_code << command.output();
  cluster().Start(leader);
  EXPECT_EQ(Settle(request).result(), v1::SUCCESS);
  EXPECT_EQ(Get(cluster().stub(last), "3001").reply.value().version(), 1);
}

}  // namespace
}  // namespace tripla
