// SPDX-License-Identifier: Apache-2.0
#include "tripla/client.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <latch>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "client/fake_port.h"
#include "client/fake_server.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using Applied = Failure::Applied;

constexpr milliseconds kLong{20'000};  // longer than any test should take
constexpr milliseconds kShort{2'000};  // for tests that must run into their deadline

Key K(const char* text) { return *Key::Parse(text); }

grpc::Status Success(v1::Reply& reply) {
  reply.set_result(v1::SUCCESS);
  return grpc::Status::OK;
}

// Fails the first attempts with `statuses`, then answers SUCCESS.
FakeServer::OnOperation FailFirst(std::vector<grpc::Status> statuses) {
  return [statuses](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int attempt) {
    if (attempt < static_cast<int>(statuses.size())) return statuses[attempt];
    return Success(reply);
  };
}

FakeServer::OnOperation FailAlways(grpc::Status status) {
  return [status](grpc::ServerContext&, const v1::Operation&, v1::Reply&, int) { return status; };
}

TEST(Client, SendsEachOperationAsItWasGiven) {
  FakeServer server(FailFirst({}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  ASSERT_TRUE(client.Set(K("-12"), kLeast, std::string("a\0b", 3)).ok());
  ASSERT_TRUE(client.Get(K("0")).ok());
  ASSERT_TRUE(client.Del(K("255")).ok());
  ASSERT_TRUE(client.Execute(DelVersionOperation{K("1"), 7, 9}).ok());
  ASSERT_TRUE(client.Execute(TestAndSetOperation{K("2"), 5, "new", -3, 11}).ok());

  const std::vector<v1::Operation> got = server.received();
  ASSERT_EQ(got.size(), 5u);
  EXPECT_EQ(got[0].set().key(), "\xf4");
  EXPECT_EQ(got[0].set().timestamp(), kLeast);
  EXPECT_EQ(got[0].set().data(), std::string("a\0b", 3));
  EXPECT_EQ(got[1].get().key(), std::string(1, '\0'));
  EXPECT_EQ(got[2].del().key(), std::string("\0\xff", 2));
  EXPECT_EQ(got[3].del_version().version(), 7);
  EXPECT_EQ(got[3].del_version().if_revision(), 9u);
  EXPECT_EQ(got[4].test_and_set().value().timestamp(), 5);
  EXPECT_EQ(got[4].test_and_set().value().data(), "new");
  EXPECT_EQ(got[4].test_and_set().version(), -3);
  EXPECT_EQ(got[4].test_and_set().if_revision(), 11u);
}

TEST(ClientDeathTest, OptionsThatCannotWorkAreRefusedAtOnce) {
  EXPECT_DEATH(Client({.endpoints = {}}), "needs a server");
  EXPECT_DEATH(Client({.deadline = milliseconds(0)}), "needs time");
  EXPECT_DEATH(Client({.backoff_min = milliseconds(2), .backoff_max = milliseconds(1)}),
               "backoff_min <= backoff_max");
}

TEST(Client, TellsNullFromAnEmptyValue) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation& request, v1::Reply& reply, int) {
    reply.set_result(request.has_get() ? v1::SUCCESS : v1::ERROR_WV);
    reply.set_revision(8);
    reply.set_replayed(true);
    if (request.has_get()) reply.mutable_value();
    return grpc::Status::OK;
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(*client.Get(K("1")), (Decided{Result::kSuccess, Triple{}, 8, true}));
  EXPECT_EQ(*client.Del(K("1")), (Decided{Result::kWrongVersion, std::nullopt, 8, true}));
}

TEST(Client, RefusedConnectionIsSurelyNotApplied) {
  const FakePort dead;
  Client client({.endpoints = {dead.endpoint()}, .deadline = kShort});
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().applied, Applied::kNo);
  EXPECT_THAT(answer.failure().message, HasSubstr("Connection refused"));
}

TEST(Client, TellsWhatTheServerSaidWhenTimeIsOverBeforeTheNextAttempt) {
  FakeServer server(FailAlways(Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO)));
  Client client({.endpoints = {server.endpoint()},
                 .deadline = kLong,
                 .backoff_min = milliseconds(1),
                 .backoff_max = milliseconds(1)});
  for (int i = 0; i < 500; ++i) {
    const size_t received = server.received().size();
    const Answer<Decided> answer = client.Get(K("1"), {.deadline = milliseconds(5)});
    ASSERT_FALSE(answer.ok());
    if (server.received().size() == received) continue;  // not even one attempt had time
    ASSERT_THAT(answer.failure().message, Not(HasSubstr("no time was left")));
  }
}

TEST(Client, WaitsForAServerThatComesLate) {
  const FakePort port;
  Client client({.endpoints = {port.endpoint()}, .deadline = kLong});
  std::thread caller([&] { EXPECT_TRUE(client.Set(K("1"), 0, "a").ok()); });
  FakeServer server(FailFirst({}), port.port());
  caller.join();
}

TEST(Client, ServerThatDiesDuringTheCallLeavesItUnknown) {
  std::latch called(1);
  FakeServer server(
      [&](grpc::ServerContext& context, const v1::Operation&, v1::Reply&, int) -> grpc::Status {
        called.count_down();
        AwaitCancelled(context);
        return {grpc::StatusCode::UNAVAILABLE, ""};
      });
  Client client({.endpoints = {server.endpoint()}, .deadline = kShort});
  ASSERT_TRUE(client.Status().ok());  // it is connected
  std::thread stopper([&] {
    called.wait();
    server.Stop();
  });
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  stopper.join();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().applied, Applied::kUnknown);
}

TEST(Client, NoAnswerWithinTheDeadlineIsUnknownForAWriteOnly) {
  FakeServer server(FakeServer::Hang());
  Client client({.endpoints = {server.endpoint()}, .deadline = kShort});
  ASSERT_TRUE(client.Status().ok());  // it is connected
  const Answer<Decided> write = client.Del(K("1"));
  ASSERT_FALSE(write.ok());
  EXPECT_EQ(write.failure().code, absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(write.failure().applied, Applied::kUnknown);
  const Answer<Decided> read = client.Get(K("1"));
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.failure().applied, Applied::kNo);
}

TEST(Client, BelievesTheServerThatNothingWasApplied) {
  FakeServer server(FailAlways(Refused(grpc::StatusCode::OUT_OF_RANGE, v1::Undecided::NO)));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Decided> answer = client.TestAndSet(K("1"), 0, "a", 1);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().code, absl::StatusCode::kOutOfRange);
  EXPECT_EQ(answer.failure().applied, Applied::kNo);
  EXPECT_EQ(server.received().size(), 1u) << "such an error is final";
}

TEST(Client, ErrorWithoutDetailLeavesAWriteUnknown) {
  FakeServer server(FailAlways({grpc::StatusCode::INTERNAL, "boom"}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(client.Set(K("1"), 0, "a").failure().applied, Applied::kUnknown);
}

TEST(Client, AMessageThatGrpcRefusesUnreadIsSurelyNotApplied) {
  v1::KeyValue::Service service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  constexpr int kLimit = 1000;
  builder.SetMaxReceiveMessageSize(kLimit);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  Client client({.endpoints = {fmt::format("127.0.0.1:{}", port)}, .deadline = kLong});
  const Answer<Decided> answer = client.Set(K("1"), 0, std::string(kLimit + 1, 'a'));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().code, absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(answer.failure().applied, Applied::kNo) << answer.failure().message;
}

TEST(Client, DoubtStaysWhenALaterAttemptIsSurelyNotApplied) {
  FakeServer server(FailFirst({Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::UNKNOWN),
                               Refused(grpc::StatusCode::INVALID_ARGUMENT, v1::Undecided::NO)}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(answer.failure().applied, Applied::kUnknown);
}

TEST(Client, RepeatsTheSameRequestUntilItIsDecided) {
  FakeServer server(FailFirst({Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::UNKNOWN),
                               {grpc::StatusCode::UNAVAILABLE, ""},
                               Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO)}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  ASSERT_TRUE(client.Set(K("1"), 0, "a").ok());
  const std::vector<v1::Operation> got = server.received();
  ASSERT_EQ(got.size(), 4u);
  EXPECT_EQ(got[0].set().request_id().client().size(), 16u);
  EXPECT_EQ(got[0].set().request_id().sequence(), 1u);
  // The first two may have arrived, so the third is number 3. The third surely did not arrive, so
  // the fourth is number 3 as well.
  const std::vector<uint32_t> attempts = {1, 2, 3, 3};
  for (size_t i = 0; i < got.size(); ++i) {
    v1::Operation sent = got[i];
    EXPECT_EQ(sent.set().request_id().attempt(), attempts[i]);
    sent.mutable_set()->mutable_request_id()->set_attempt(1);
    EXPECT_EQ(sent.SerializeAsString(), got[0].SerializeAsString());
  }
}

TEST(Client, HonoursPushback) {
  using Clock = std::chrono::steady_clock;
  std::vector<Clock::time_point> times;
  FakeServer server(
      [&](grpc::ServerContext& context, const v1::Operation&, v1::Reply& reply, int attempt) {
        times.push_back(Clock::now());
        if (attempt > 0) return Success(reply);
        context.AddTrailingMetadata("grpc-retry-pushback-ms", "150");
        return Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::Undecided::NO);
      });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  ASSERT_TRUE(client.Set(K("1"), 0, "a").ok());
  ASSERT_EQ(server.received().size(), 2u);
  EXPECT_GE(times[1] - times[0], milliseconds(149));
}

TEST(Client, DoesNotWaitForAPushbackPastItsDeadline) {
  FakeServer server([](grpc::ServerContext& context, const v1::Operation&, v1::Reply&, int) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", "60000");
    return Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::Undecided::NO);
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().retry_after, milliseconds(60000));
  EXPECT_EQ(answer.failure().applied, Applied::kNo);
  EXPECT_EQ(server.received().size(), 1u);
}

TEST(Client, DoesNotRepeatWhatTheServerAsksNotToRepeat) {
  FakeServer server([](grpc::ServerContext& context, const v1::Operation&, v1::Reply&, int) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", "-1");
    return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_FALSE(client.Get(K("1")).ok());
  EXPECT_EQ(server.received().size(), 1u);
}

TEST(Client, WhatIsTooLargeIsNotRepeated) {
  FakeServer server(FailAlways(Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::Undecided::NO)));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  ASSERT_FALSE(answer.ok());
  EXPECT_FALSE(answer.failure().retry_after.has_value());
  EXPECT_EQ(server.received().size(), 1u);
}

TEST(Client, BatchGivesEachWriteAnIdOfItsOwn) {
  FakeServer server(FailFirst({Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO)}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<std::vector<Decided>> answers =
      client.Batch({SetOperation{K("1"), 0, "a"}, GetOperation{K("1")}, DelOperation{K("1")}});
  ASSERT_TRUE(answers.ok());
  EXPECT_EQ(answers->size(), 3u);
  const std::vector<v1::Operation> got = server.received();
  ASSERT_EQ(got.size(), 4u) << "one of the first attempt, three of the second";
  EXPECT_EQ(got[1].set().request_id().sequence(), 1u);
  EXPECT_TRUE(got[2].has_get());
  EXPECT_EQ(got[3].del().request_id().sequence(), 3u);
  EXPECT_EQ(got[3].del().request_id().first_unanswered(), 1u);
}

// When it was sent, it used the id of the next write and removed that from the outstanding ids.
TEST(Client, ABatchWithoutOperationsIsRefusedUnsent) {
  FakeServer server(FailFirst({}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<std::vector<Decided>> answers = client.Batch({});
  ASSERT_FALSE(answers.ok());
  EXPECT_EQ(answers.failure().code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(answers.failure().applied, Applied::kNo);
}

TEST(Client, AnswerOfUnknownKindIsAFailure) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int) {
    reply.set_result(static_cast<v1::Result>(99));
    return grpc::Status::OK;
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(client.Set(K("1"), 0, "a").failure().applied, Applied::kUnknown);
  EXPECT_EQ(client.Get(K("1")).failure().applied, Applied::kNo);
}

TEST(Client, CancelEndsACallInAnAttempt) {
  std::latch called(1);
  FakeServer server(
      [&](grpc::ServerContext& context, const v1::Operation&, v1::Reply&, int) -> grpc::Status {
        called.count_down();
        AwaitCancelled(context);
        return grpc::Status::CANCELLED;
      });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  std::thread canceller([&] {
    called.wait();
    client.CancelCalls();
  });
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  canceller.join();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().code, absl::StatusCode::kCancelled);
  EXPECT_EQ(answer.failure().applied, Applied::kUnknown);
}

TEST(Client, CancelEndsACallBetweenAttempts) {
  std::latch refused(1);
  FakeServer server([&](grpc::ServerContext& context, const v1::Operation&, v1::Reply&, int) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", "15000");
    refused.count_down();
    return Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::Undecided::NO);
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  std::thread canceller([&] {
    refused.wait();
    client.CancelCalls();
  });
  const auto began = std::chrono::steady_clock::now();
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  canceller.join();
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().code, absl::StatusCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(10'000));
}

TEST(Client, FirstUnansweredNeverPassesAnOutstandingWrite) {
  Mutex mutex;
  std::set<uint64_t> answered;
  // Each third write is refused once with advice to retry, so that many are outstanding for long.
  FakeServer server(
      [&](grpc::ServerContext&, const v1::Operation& request, v1::Reply& reply, int attempt) {
        const v1::RequestId& id = request.set().request_id();
        const MutexLock lock(mutex);
        for (uint64_t below = 1; below < id.first_unanswered(); ++below) {
          EXPECT_TRUE(answered.contains(below)) << below << " is not answered";
        }
        if (attempt % 3 == 0) return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
        EXPECT_TRUE(answered.insert(id.sequence()).second) << "a sequence number is used once";
        return Success(reply);
      });
  Client client(
      {.endpoints = {server.endpoint()}, .deadline = kLong, .backoff_min = milliseconds(1)});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(client.Set(K("1"), 0, "a").ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(server.received().size(), 160u + 160u / 2);
  EXPECT_EQ(answered.size(), 160u);
  // With nothing outstanding, everything before is given up.
  ASSERT_TRUE(client.Set(K("1"), 0, "a").ok());
  EXPECT_EQ(server.received().back().set().request_id().first_unanswered(), 161u);
}

TEST(Client, ReportsStatusAndSnapshot) {
  FakeServer server(FailFirst({}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(client.Status()->role, "standalone");
  EXPECT_EQ(client.Snapshot()->file, "snapshot.0_1");
}

TEST(Failure, SaysInTextWhatBecameOfTheWrite) {
  EXPECT_EQ((Failure{absl::StatusCode::kUnavailable, "gone", Applied::kUnknown, {}}.ToText()),
            "UNAVAILABLE: gone (may have been applied)");
  EXPECT_EQ((Failure{absl::StatusCode::kUnavailable, "gone", Applied::kNo, {}}.ToText()),
            "UNAVAILABLE: gone (surely not applied)");
}

// Several servers of one cluster.

TEST(ClientOfACluster, AsksAnotherWhenOneIsGone) {
  const FakePort dead;
  FakeServer server(FailFirst({}));
  Client client({.endpoints = {dead.endpoint(), server.endpoint()}, .deadline = kLong});
  EXPECT_TRUE(client.Set(K("1"), 0, "a").ok());
  EXPECT_TRUE(client.Set(K("2"), 0, "a").ok());
}

TEST(ClientOfACluster, AsksAnotherWithTheSameRequestIdWhenOneDiesDuringTheCall) {
  FakeServer first(FailAlways(Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::UNKNOWN)));
  FakeServer second(FailFirst({}));
  Client client({.endpoints = {first.endpoint(), second.endpoint()}, .deadline = kLong});
  ASSERT_TRUE(client.Set(K("1"), 0, "a").ok());
  ASSERT_EQ(first.received().size(), 1u);
  ASSERT_EQ(second.received().size(), 1u);
  v1::Operation sent = second.received()[0];
  EXPECT_EQ(sent.set().request_id().attempt(), 2u);
  sent.mutable_set()->mutable_request_id()->set_attempt(1);
  EXPECT_EQ(first.received()[0].SerializeAsString(), sent.SerializeAsString());
}

TEST(ClientOfACluster, StaysWithTheServerThatServed) {
  FakeServer first(FailAlways(Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO)));
  FakeServer second(FailFirst({}));
  Client client({.endpoints = {first.endpoint(), second.endpoint()}, .deadline = kLong});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(client.Get(K("1")).ok());
  EXPECT_EQ(first.received().size(), 1u);
}

TEST(ClientOfACluster, FollowsTheHintToTheLeader) {
  FakeServer leader(FailFirst({}));
  FakeServer other(FailFirst({}));
  FakeServer follower(
      FailAlways(Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO, leader.endpoint())));
  Client client(
      {.endpoints = {follower.endpoint(), other.endpoint(), leader.endpoint()}, .deadline = kLong});
  ASSERT_TRUE(client.Set(K("1"), 0, "a").ok());
  EXPECT_EQ(leader.received().size(), 1u);
  EXPECT_EQ(other.received().size(), 0u);
}

TEST(ClientOfACluster, AsksAnotherWhenOneHangs) {
  FakeServer hanging(FakeServer::Hang());
  FakeServer second(FailFirst({}));
  Client client(
      {.endpoints = {hanging.endpoint(), second.endpoint()}, .deadline = milliseconds(4000)});
  EXPECT_TRUE(client.Set(K("1"), 0, "a").ok());
}

TEST(ClientOfACluster, NobodyThereIsSurelyNotAppliedAndNamesThemAll) {
  const FakePort first, second;
  Client client({.endpoints = {first.endpoint(), second.endpoint()}, .deadline = kShort});
  const Answer<Decided> answer = client.Set(K("1"), 0, "a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().applied, Applied::kNo);
  EXPECT_THAT(answer.failure().message, HasSubstr(first.endpoint() + " or " + second.endpoint()));
}

TEST(ClientOfACluster, AnErrorOfTheCallItselfIsNotTakenElsewhere) {
  const auto refuse = FailAlways(Refused(grpc::StatusCode::INVALID_ARGUMENT, v1::Undecided::NO));
  FakeServer first(refuse);
  FakeServer second(refuse);
  Client client({.endpoints = {first.endpoint(), second.endpoint()}, .deadline = kLong});
  EXPECT_FALSE(client.Set(K("1"), 0, "a").ok());
  // Which of them is asked depends on who is connected first.
  EXPECT_EQ(first.received().size() + second.received().size(), 1u);
}

}  // namespace
}  // namespace tripla
