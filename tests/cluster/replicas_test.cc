// SPDX-License-Identifier: Apache-2.0
// Three replicas on a quiet day (R25-R27): every server takes every call, and all hold the same.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "health/health.grpc.pb.h"
#include "tests/harness/test_cluster.h"
#include "tripla/client.h"
#include "tripla/internal/peer.grpc.pb.h"

namespace tripla {
namespace {

using Stub = v1::KeyValue::Stub;

class Replicas : public testing::Test {
 protected:
  // One cluster for the whole suite: each test uses keys of its own and leaves all running.
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    cluster_ = new TestCluster(directory_->path());
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
  }
  static TestCluster& cluster() { return *cluster_; }
  static constexpr int kSize = TestCluster::kSize;

 private:
  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestCluster* cluster_ = nullptr;
};

TEST_F(Replicas, R25_EveryServerAnswersEveryOperation) {
  for (int i = 0; i < kSize; ++i) {
    Stub& stub = cluster().stub(i);
    const std::string key = std::to_string(100 + i);
    EXPECT_EQ(Set(stub, key, 7, "a").reply.result(), v1::SUCCESS) << i;
    const CallAnswer again = Set(stub, key, 8, "b");
    EXPECT_EQ(again.reply.result(), v1::ERROR);
    EXPECT_EQ(again.reply.value().data(), "a");
    EXPECT_EQ(TestAndSet(stub, key, 1, 9, "c").reply.value().version(), 1);
    EXPECT_EQ(TestAndSet(stub, key, 1, 9, "d").reply.result(), v1::ERROR_WV);
    EXPECT_EQ(Get(stub, key).reply.value().version(), 2);
    EXPECT_EQ(DelVersion(stub, key, 1).reply.result(), v1::ERROR_WV);
    EXPECT_EQ(DelVersion(stub, key, 2).reply.result(), v1::SUCCESS);
    EXPECT_EQ(Del(stub, key).reply.result(), v1::ERROR);
  }
}

TEST_F(Replicas, R25_AReadAtAnyServerSeesWhatAnyOtherHasAcknowledged) {
  ASSERT_EQ(Set(cluster().stub(0), "200", 0, "0").reply.result(), v1::SUCCESS);
  for (int i = 1; i < 200; ++i) {
    const CallAnswer written =
        TestAndSet(cluster().stub(i % kSize), "200", i, 0, std::to_string(i));
    ASSERT_EQ(written.reply.result(), v1::SUCCESS) << written.status.error_message();
    const CallAnswer read = Get(cluster().stub((i + 1) % kSize), "200");
    ASSERT_EQ(read.reply.value().data(), std::to_string(i)) << read.status.error_message();
  }
}

// R28, O132: servers of two versions ask each other.
TEST_F(Replicas, WhatOnlyALaterVersionAsksIsAnswered) {
  grpc::GenericStub later(cluster().channel(0));
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  const auto call =
      later.PrepareUnaryCall(&context, "/tripla.internal.Peer/Later", grpc::ByteBuffer(), &queue);
  call->StartCall();
  grpc::ByteBuffer none;
  grpc::Status unknown_call;
  call->Finish(&none, &unknown_call, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(unknown_call.error_code(), grpc::StatusCode::UNIMPLEMENTED);

  const auto peer = internal::Peer::NewStub(cluster().channel(0));
  internal::LogStateRequest request;
  request.set_cluster(cluster().Status(0).cluster());
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(1000, 1);
  internal::LogStateReply reply;
  grpc::ClientContext known;
  const grpc::Status unknown_field = peer->LogState(&known, request, &reply);
  EXPECT_TRUE(unknown_field.ok()) << unknown_field.error_message();
  EXPECT_EQ(reply.level(), 1u);
  EXPECT_EQ(reply.level_highest(), 1u);
  EXPECT_EQ(reply.level_max(), 1u);
}

TEST_F(Replicas, R11_OfRacingTestAndSetsAtAllServersExactlyOneWins) {
  Set(cluster().stub(0), "300", 0, "before");
  std::atomic<int> won{0};
  std::vector<std::thread> racers;
  for (int i = 0; i < 30; ++i) {
    racers.emplace_back([&, i] {
      const CallAnswer answer = TestAndSet(cluster().stub(i % kSize), "300", 1, i, "after");
      if (answer.reply.result() == v1::SUCCESS) ++won;
    });
  }
  for (std::thread& racer : racers) racer.join();
  EXPECT_EQ(won, 1);
}

TEST_F(Replicas, R13_ARequestIdIsKnownAtEveryServer) {
  v1::SetRequest request;
  request.set_key(KeyBytes("400"));
  request.set_data("once");
  request.mutable_request_id()->set_client("fedcba9876543210");
  request.mutable_request_id()->set_sequence(1);
  uint64_t revision = 0;
  for (int i = 0; i < kSize; ++i) {
    const CallAnswer answer = Send(cluster().stub(i), &Stub::Set, request);
    EXPECT_EQ(answer.reply.result(), v1::SUCCESS) << answer.status.error_message();
    EXPECT_EQ(answer.reply.replayed(), i > 0);
    if (i == 0) revision = answer.reply.revision();
    EXPECT_EQ(answer.reply.revision(), revision);
  }
}

TEST_F(Replicas, ABatchAtAFollowerIsExecutedInItsOrder) {
  v1::BatchRequest request;
  v1::SetRequest& set = *request.add_operations()->mutable_set();
  set.set_key(KeyBytes("500"));
  set.set_data("in a batch");
  request.add_operations()->mutable_get()->set_key(KeyBytes("500"));
  const BatchAnswer answer = SendBatch(cluster().stub(cluster().AwaitFollower()), request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  EXPECT_EQ(answer.reply.replies(1).value().data(), "in a batch");
}

TEST_F(Replicas, ABatchThatIsTooLargeForOneEntryOfTheLogIsStillOneCall) {
  constexpr int kOperations = 5;
  v1::BatchRequest request;
  for (int i = 0; i < kOperations; ++i) {
    v1::SetRequest& set = *request.add_operations()->mutable_set();
    set.set_key(KeyBytes(std::to_string(600 + i)));
    set.set_data(std::string(12 << 20, static_cast<char>('a' + i)));
  }
  const BatchAnswer answer = SendBatch(cluster().stub(cluster().AwaitFollower()), request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  ASSERT_EQ(answer.reply.replies_size(), kOperations);
  for (int i = 0; i < kOperations; ++i) {
    const std::string key = std::to_string(600 + i);
    EXPECT_EQ(answer.reply.replies(i).result(), v1::SUCCESS);
    EXPECT_EQ(Get(cluster().stub(i % kSize), key).reply.value().data().front(), 'a' + i);
    Del(cluster().stub(i % kSize), key);
  }
}

TEST_F(Replicas, ARefusalOfTheLeaderComesThroughWithItsDetails) {
  v1::SetRequest request;
  request.set_key(KeyBytes("700"));
  request.mutable_request_id()->set_client("aaaabbbbccccdddd");
  request.mutable_request_id()->set_sequence(1);
  Stub& stub = cluster().stub(cluster().AwaitFollower());
  Send(stub, &Stub::Set, request);
  request.set_data("another body");
  const CallAnswer answer = Send(stub, &Stub::Set, request);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(answer.applied(), v1::Undecided::NO);
}

TEST_F(Replicas, C15_AClientThatWritesGoesToTheLeader) {
  const int leader = cluster().AwaitLeader();
  const int follower = cluster().AwaitFollower();
  Client client({.endpoints = {cluster().endpoint(follower), cluster().endpoint(leader)}});
  EXPECT_EQ(client.Status()->node, "n" + std::to_string(follower + 1));
  EXPECT_TRUE(client.Set(*Key::Parse("710"), 0, "a").ok());
  EXPECT_EQ(client.Status()->node, "n" + std::to_string(leader + 1));
  Client elsewhere({.endpoints = {cluster().endpoint(follower)}});
  EXPECT_TRUE(elsewhere.Del(*Key::Parse("710")).ok()) << "which it cannot reach";
  EXPECT_EQ(elsewhere.Status()->node, "n" + std::to_string(follower + 1));
}

TEST_F(Replicas, StatusSaysWhoLeadsAndWhere) {
  const int leader = cluster().AwaitLeader();
  for (int i = 0; i < kSize; ++i) {
    const v1::StatusReply status = cluster().Status(i);
    EXPECT_EQ(status.node(), "n" + std::to_string(i + 1));
    EXPECT_EQ(status.role(), i == leader ? "leader" : "follower");
    EXPECT_EQ(status.leader(), "n" + std::to_string(leader + 1));
    EXPECT_EQ(status.leader_endpoint(), cluster().endpoint(leader));
    EXPECT_GT(status.term(), 0u);
  }
}

TEST_F(Replicas, R24_AllHoldTheSameState) {
  for (int i = 0; i < 50; ++i) Set(cluster().stub(i % kSize), std::to_string(800 + i), i, "a");
  cluster().AwaitSameState();
}

TEST_F(Replicas, StatusOfAllServersIsOneTable) {
  const int leader = cluster().AwaitLeader();
  cluster().AwaitSameState();
  std::string servers = "127.0.0.1:1";
  for (const std::string& endpoint : cluster().endpoints()) servers += "," + endpoint;
  Process status({ProgramPath("tripla"), "--endpoints", servers, "status"});
  EXPECT_EQ(status.Wait(), 6) << "one of them is down";
  const std::string hash = absl::BytesToHexString(cluster().Status(0).state_hash()).substr(0, 8);
  for (int i = 0; i < kSize; ++i) {
    EXPECT_THAT(status.output(),
                testing::ContainsRegex(cluster().endpoint(i) + " +n" + std::to_string(i + 1) +
                                       (i == leader ? " +leader" : " +follower") + " .*" + hash));
  }
  EXPECT_THAT(status.output(), testing::HasSubstr("Connection refused"));
}

TEST_F(Replicas, R21_TriplaCheckHoldsAgainstThem) {
  std::string servers = cluster().endpoint(0);
  for (int i = 1; i < kSize; ++i) servers += "," + cluster().endpoint(i);
  Process check(
      {ProgramPath("tripla-check"), "all", "--duration", "500ms", "--endpoints", servers});
  EXPECT_EQ(check.Wait(), 0) << check.output();
}

TEST_F(Replicas, HealthTellsThatEachIsReady) {
  for (int i = 0; i < kSize; ++i) {
    // A connection of its own: on one that nobody has looked after for the time of a test before, a
    // server may hang up at this moment.
    const auto health = grpc::health::v1::Health::NewStub(Connect(cluster().endpoint(i)));
    for (const char* service : {"", "tripla.v1.KeyValue"}) {
      grpc::ClientContext context;
      grpc::health::v1::HealthCheckRequest request;
      grpc::health::v1::HealthCheckResponse response;
      request.set_service(service);
      const grpc::Status status = health->Check(&context, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING) << service;
    }
  }
}

TEST(FiveReplicas, R27_TwoMayBeLostAndEachCanBeMadeTheLeader) {
  const TemporaryDirectory directory;
  TestCluster five(directory.path(), {}, std::vector<TestCluster::Place>(5));
  Client client({.endpoints = five.endpoints(), .deadline = std::chrono::seconds(20)});
  for (int node = 0; node < five.size(); ++node) {
    const auto leader = client.Transfer("n" + std::to_string(node + 1));
    ASSERT_TRUE(leader.ok()) << leader.failure().message;
    EXPECT_EQ(five.AwaitLeader(), node);
  }
  for (int lost = 0; lost <= 2; ++lost) {
    if (lost > 0) five.Kill(five.AwaitLeader());
    const auto set = client.Set(*Key::Parse(std::to_string(lost)), 0, "a");
    ASSERT_TRUE(set.ok()) << lost << " lost: " << set.failure().message;
    for (int i = 0; i < five.size(); ++i) {
      if (!five.Runs(i)) continue;
      EXPECT_EQ(Get(five.stub(i), std::to_string(lost)).reply.value().data(), "a");
    }
  }
  for (int i = 0; i < five.size(); ++i) {
    if (!five.Runs(i)) five.BringBack(i);
  }
  five.AwaitSameState();
}

TEST_F(Replicas, AnOrderlyStopOfTheLeaderHandsLeadershipOver) {
  const int leader = cluster().AwaitLeader();
  const uint64_t term = cluster().Status(leader).term();
  cluster().Stop(leader);
  const int successor = cluster().AwaitLeader();
  // An election that waited for a timeout would have taken more than one term at times; one that
  // was handed over takes the next.
  EXPECT_EQ(cluster().Status(successor).term(), term + 1);
  EXPECT_EQ(Set(cluster().stub(successor), "900", 0, "a").reply.result(), v1::SUCCESS);
  cluster().Start(leader);
  cluster().AwaitReady(leader);
  cluster().AwaitSameState();
}

}  // namespace
}  // namespace tripla
