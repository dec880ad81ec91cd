// SPDX-License-Identifier: Apache-2.0
// Leadership that is moved on demand, and what servers say of their links and of their lease (C12,
// C13).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class Transfer : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    cluster_ = new TestCluster(directory_->path());
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
  }
  static TestCluster& cluster() { return *cluster_; }
  static std::string NodeOf(int number) { return "n" + std::to_string(number + 1); }

  struct Answer {
    grpc::Status status;
    v1::TransferReply reply;
  };
  static Answer Ask(int server, const std::string& node) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    v1::TransferRequest request;
    request.set_node(node);
    Answer answer;
    answer.status =
        v1::Admin::NewStub(cluster().channel(server))->Transfer(&context, request, &answer.reply);
    return answer;
  }

  // Asks as a person does: again where the other node was too slow, as it may be on a busy machine.
  static Answer AskAgain(int server, const std::string& node) {
    constexpr int kTimesMax = 10;
    Answer answer = Ask(server, node);
    for (int times = 1; times < kTimesMax && absl::StrContains(answer.status.error_message(),
                                                               "took over in time; ask again");
         ++times) {
      answer = Ask(server, node);
    }
    return answer;
  }

  // What `server` says of `other`.
  static v1::MemberStatus MemberOf(int server, int other) {
    const v1::StatusReply status = cluster().Status(server);
    for (const v1::MemberStatus& member : status.members()) {
      if (member.node() == NodeOf(other)) return member;
    }
    return {};
  }

  static std::string StatusText() {
    std::string endpoints;
    for (const std::string& endpoint : cluster().endpoints()) {
      endpoints += (endpoints.empty() ? "" : ",") + endpoint;
    }
    Process tripla({ProgramPath("tripla"), "status", "--endpoints", endpoints});
    tripla.Wait();
    return tripla.output();
  }

  static void AwaitNoComplaint() {
    std::string text;
    AwaitTrue([&] { return (text = StatusText()).find("says of") == std::string::npos; },
              [&] { return text; });
  }

  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestCluster* cluster_ = nullptr;
};

// Sets new keys until it is destroyed.
class Writer {
 public:
  Writer(TestCluster& cluster, int server, int first_key)
      : stub_(cluster.stub(server)), first_(first_key), thread_([this] { Run(); }) {}
  ~Writer() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // Those set for certain begin with the first key.
  [[nodiscard]] const std::vector<int>& acknowledged() const { return acknowledged_; }

 private:
  void Run() {
    for (int key = first_; !stop_; ++key) {
      if (Set(stub_, std::to_string(key), 0, "x").status.ok()) acknowledged_.push_back(key);
    }
  }

  v1::KeyValue::Stub& stub_;
  const int first_;
  std::atomic<bool> stop_{false};
  std::vector<int> acknowledged_;
  std::thread thread_;
};

TEST_F(Transfer, EachServerIsMadeTheLeaderByAskingAnyWhileOthersWrite) {
  Writer writer(cluster(), 0, 1'000'000);
  for (int round = 0; round < 2; ++round) {
    for (int node = 0; node < cluster().size(); ++node) {
      const Answer answer = AskAgain((node + round) % cluster().size(), NodeOf(node));
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
      EXPECT_EQ(answer.reply.leader(), NodeOf(node));
      EXPECT_EQ(answer.reply.leader_endpoint(), cluster().endpoint(node));
      EXPECT_EQ(cluster().AwaitLeader(), node);
    }
  }
  writer.Stop();
  cluster().AwaitSameState();
  EXPECT_FALSE(writer.acknowledged().empty());
  for (const int key : writer.acknowledged()) {
    const CallAnswer read = Get(cluster().stub(1), std::to_string(key));
    ASSERT_TRUE(read.status.ok()) << read.status.error_message();
    ASSERT_EQ(read.reply.result(), v1::SUCCESS) << key;
  }
}

TEST_F(Transfer, WithoutANameAnyOtherServerLeads) {
  const int leader = cluster().AwaitLeader();
  const Answer answer = AskAgain(leader, "");
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_NE(answer.reply.leader(), NodeOf(leader));
  EXPECT_EQ(NodeOf(cluster().AwaitLeader()), answer.reply.leader());
}

TEST_F(Transfer, AStrangerCannotLead) {
  const Answer answer = Ask(0, "n9");
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(answer.status.error_message(), HasSubstr("its members are n1, n2, n3"));
}

// The one that is asked is paused, so it may have been freed of its promise or not: the leader
// relies on the other follower alone.
TEST_F(Transfer, C12_ATransferThatFailsLeavesALeaderThatHasItsLease) {
  const int leader = cluster().AwaitLeader();
  const int asleep = (leader + 1) % cluster().size();
  const uint64_t term = cluster().Status(leader).term();
  cluster().Pause(asleep);
  const Answer answer = Ask(leader, NodeOf(asleep));
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(answer.status.error_message(), HasSubstr(NodeOf(leader) + " leads on"));
  const CallAnswer written = Set(cluster().stub(leader), std::to_string(term), 0, "x");
  EXPECT_TRUE(written.status.ok()) << written.status.error_message();
  AwaitTrue([&] { return cluster().Status(leader).has_lease(); },
            [&] { return "no lease any more: " + cluster().Status(leader).DebugString(); });
  EXPECT_EQ(cluster().Status(leader).term(), term);

  // Asked again once it has been silent for long, the leader need not try.
  AwaitTrue([&] { return MemberOf(leader, asleep).silence_ms() > 2000; },
            [&] { return MemberOf(leader, asleep).DebugString(); });
  EXPECT_THAT(Ask(leader, NodeOf(asleep)).status.error_message(), HasSubstr("has not heard from"));
  cluster().Resume(asleep);
  cluster().AwaitReady(asleep);
  cluster().AwaitSameState();
}

TEST_F(Transfer, C13_ALeaderWhoseLeaseHasRunOutSaysSo) {
  const int leader = cluster().AwaitLeader();
  AwaitTrue([&] { return cluster().Status(leader).has_lease(); },
            [&] { return cluster().Status(leader).DebugString(); });
  for (int other = 0; other < cluster().size(); ++other) {
    if (other != leader) cluster().Pause(other);
  }
  // Before it gives up to lead, which takes it some seconds.
  AwaitTrue(
      [&] {
        const v1::StatusReply status = cluster().Status(leader);
        return status.has_has_lease() && !status.has_lease();
      },
      [&] { return cluster().Status(leader).DebugString(); });
  EXPECT_TRUE(cluster().Status(leader).read_lease());
  EXPECT_THAT(StatusText(), HasSubstr("no lease"));
  cluster().process(leader).AwaitOutput("this leader's lease has run out");
  for (int other = 0; other < cluster().size(); ++other) {
    if (other != leader) cluster().Resume(other);
  }
  for (int server = 0; server < cluster().size(); ++server) cluster().AwaitReady(server);
  cluster().AwaitSameState();
}

TEST(ReadLease, C13_TheStatusSaysWhetherReadsGoByTheLease) {
  const TemporaryDirectory directory;
  TestCluster alone(directory.path(), {}, {{.flags = {"--read-lease", "off"}}});
  const v1::StatusReply status = alone.Status(0);
  EXPECT_EQ(status.role(), "leader");
  EXPECT_FALSE(status.has_has_lease());
  EXPECT_TRUE(status.has_read_lease() && !status.read_lease()) << status.DebugString();
}

TEST_F(Transfer, C13_EachServerTellsHowItIsWithTheOthers) {
  const int leader = cluster().AwaitLeader();
  const int other = (leader + 1) % cluster().size();
  const int gone = (leader + 2) % cluster().size();
  AwaitTrue(
      [&] {
        const v1::MemberStatus member = MemberOf(leader, gone);
        return member.has_silence_ms() && member.trouble().empty() &&
               member.log_index() == cluster().Status(leader).log_index();
      },
      [&] { return cluster().Status(leader).DebugString(); });
  EXPECT_FALSE(MemberOf(other, gone).has_log_index()) << "only a leader knows that";
  AwaitNoComplaint();
  cluster().Kill(gone);
  EXPECT_TRUE(Set(cluster().stub(leader), "77", 0, "x").status.ok());
  for (const int server : {leader, other}) {
    AwaitTrue([&] { return !MemberOf(server, gone).trouble().empty(); },
              [&] { return cluster().Status(server).DebugString(); });
    EXPECT_THAT(StatusText(), HasSubstr(NodeOf(server) + " says of " + NodeOf(gone) + ": "));
  }
  EXPECT_LT(MemberOf(leader, gone).log_index(), cluster().Status(leader).log_index());
  cluster().BringBack(gone);
  AwaitNoComplaint();
}

}  // namespace
}  // namespace tripla
