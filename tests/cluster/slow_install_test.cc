// SPDX-License-Identifier: Apache-2.0
// A follower that is too far behind for the log comes back over a slow link while there are writes
// (C2): the image that it is sent stays whole, and the log behind it stays until the follower has
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/slow_proxy.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using Stub = v1::KeyValue::Stub;

constexpr uint64_t kSlow = 1 << 20;  // bytes a second
constexpr uint64_t kFast = 1 << 30;
constexpr int kImageMegabytes = 48;
constexpr int kImagesMeanwhile = 5;

std::string Local(int port) { return "127.0.0.1:" + std::to_string(port); }

class SlowInstall : public testing::Test {
 protected:
  SlowInstall() {
    std::string members;
    for (int i = 0; i < TestCluster::kSize; ++i) {
      raft_ports_.push_back(FreePort());
      members += (i == 0 ? "n" : ",n") + std::to_string(i + 1) + "=" + Local(FreePort()) + "/" +
                 Local(raft_ports_.back());
    }
    for (const char* node : {"n1", "n2", "n3"}) {
      Process init({ProgramPath("triplad"), "init", "--data-dir", directory_.path() + "/" + node,
                    "--node", node, "--cluster", members});
      EXPECT_EQ(init.Wait(), 0) << init.output();
    }
    std::ofstream(directory_.path() + "/members") << members;
  }

  void Write(int key) {
    v1::SetRequest request;
    request.set_key(KeyBytes(std::to_string(key)));
    request.set_data(std::string(1 << 20, 'x') + std::to_string(key));
    CallAnswer answer;
    AwaitTrue(
        [&] {
          answer = Send(cluster_->stub(leader_), &Stub::Set, request, milliseconds(20'000));
          return answer.status.ok();
        },
        [&] { return answer.status.error_message(); });
  }

  // The image that the leader sends to n3.
  v1::ImageTransfer OnItsWay() {
    const v1::StatusReply status = cluster_->Status(leader_);
    for (const v1::MemberStatus& member : status.members()) {
      if (member.node() == "n3") return member.image();
    }
    return {};
  }

  const TemporaryDirectory directory_;
  std::vector<int> raft_ports_;
  std::unique_ptr<TestCluster> cluster_;
  int leader_ = 0;
};

TEST_F(SlowInstall, C2_FiveImagesPassWhileOneIsOnItsWay) {
  // n3 is reached through the proxy from the beginning, and so is no leader.
  const int behind_proxy = FreePort();
  std::vector<TestCluster::Place> places(TestCluster::kSize);
  places[2].flags = {"--raft-listen", Local(behind_proxy)};
  SlowProxy proxy(raft_ports_[2], behind_proxy, kFast);
  cluster_ = std::make_unique<TestCluster>(
      directory_.path(), std::vector<std::string>{"--snapshot-interval", "0"}, places);
  cluster_->Kill(2);
  leader_ = cluster_->AwaitLeader();
  for (int key = 0; key < kImageMegabytes; ++key) Write(key);
  // The log is released when two images hold it.
  for (int round = 0; round < 2; ++round) {
    Write(kImageMegabytes + round);
    cluster_->Snapshot(leader_);
  }
  AwaitTrue([&] { return cluster_->Status(leader_).log_bytes() < uint64_t{40} << 20; },
            [&] { return "the log is kept: " + cluster_->Status(leader_).DebugString(); });

  proxy.SetRate(kSlow);
  cluster_->Start(2);
  cluster_->process(leader_).AwaitOutput("n3 is too far behind for the log: it is sent the image");
  AwaitTrue([&] { return OnItsWay().percent() > 0; },
            [&] { return cluster_->Status(leader_).DebugString(); });
  EXPECT_GT(OnItsWay().bytes(), uint64_t{kImageMegabytes} << 20);
  EXPECT_EQ(OnItsWay().attempt(), 1);
  for (int image = 0; image < kImagesMeanwhile; ++image) {
    // So that the log would be released behind each.
    for (int key = 0; key < 17; ++key) Write(key);
    cluster_->Snapshot(leader_);
  }
  EXPECT_THAT(cluster_->process(leader_).output(), Not(HasSubstr("n3 has taken the image")))
      << "five images have not passed meanwhile";
  proxy.SetRate(kFast);
  cluster_->AwaitReady(2);
  cluster_->AwaitSameState();
  cluster_->process(2).AwaitOutput("it has installed the leader's image");
  EXPECT_EQ(OnItsWay().bytes(), 0) << "none is on its way any more";
  EXPECT_THAT(cluster_->process(leader_).output(), Not(HasSubstr("attempt 2")));
  EXPECT_THAT(cluster_->process(leader_).output(), Not(HasSubstr("did not take the image")));
}

}  // namespace
}  // namespace tripla
