// SPDX-License-Identifier: Apache-2.0
// CallOptions, the fields of Failure, and Resolve().
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <string>
#include <vector>

#include "client/fake_server.h"
#include "client/request_text.h"
#include "tripla/client.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using Applied = Failure::Applied;
using Reason = Failure::Reason;

constexpr milliseconds kLong{20'000};  // longer than any test should take

const Key kKey = *Key::Parse("1");

FakeServer::OnOperation FailAlways(grpc::Status status) {
  return [status](grpc::ServerContext&, const v1::Operation&, v1::Reply&, int) { return status; };
}

FakeServer::OnOperation Succeed() {
  return [](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int) {
    reply.set_result(v1::SUCCESS);
    return grpc::Status::OK;
  };
}

grpc::Status Saying(grpc::StatusCode code, const v1::Undecided& undecided) {
  v1::RpcStatus detailed;
  detailed.set_code(code);
  detailed.add_details()->PackFrom(undecided);
  return {code, "refused", detailed.SerializeAsString()};
}

grpc::Status Because(v1::Undecided::Reason reason) {
  v1::Undecided undecided;
  undecided.set_applied(v1::Undecided::NO);
  undecided.set_reason(reason);
  return Saying(grpc::StatusCode::RESOURCE_EXHAUSTED, undecided);
}

TEST(CallOptions, TheDeadlineIsOfThisCallAlone) {
  FakeServer server(FakeServer::Hang());
  Client client({.endpoints = {server.endpoint()}, .deadline = std::chrono::hours(1)});
  ASSERT_TRUE(client.Status().ok());  // it is connected
  const CallOptions soon{.deadline = milliseconds(100)};
  const auto expect_late = [](const auto& answer) {
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure().code, absl::StatusCode::kDeadlineExceeded);
    EXPECT_THAT(answer.failure().message, HasSubstr("within 100ms"));
  };
  expect_late(client.Set(kKey, 0, "a", soon));
  expect_late(client.Get(kKey, soon));
  expect_late(client.Get(kKey, Consistency::kStale, soon));
  expect_late(client.Del(kKey, {.deadline = milliseconds(100)}));
  expect_late(client.DelVersion(kKey, 1, soon));
  expect_late(client.DelVersion(kKey, 1, 7, soon));
  expect_late(client.TestAndSet(kKey, 0, "a", 1, soon));
  expect_late(client.TestAndSet(kKey, 0, "a", 1, 7, soon));
  expect_late(client.Batch({DelOperation{kKey}}, soon));
  expect_late(client.Update(
      kKey, [](const auto&) { return Change::Nothing(); }, soon));
}

TEST(CallOptions, WithoutTimeACallFailsUnsent) {
  FakeServer server(Succeed());
  Client client({.endpoints = {server.endpoint()}});
  ASSERT_TRUE(client.Get(kKey).ok());
  for (const int left_ms : {0, -1}) {
    const Answer<Decided> answer = client.Set(kKey, 0, "a", {.deadline = milliseconds(left_ms)});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure().code, absl::StatusCode::kDeadlineExceeded);
    EXPECT_EQ(answer.failure().applied, Applied::kNo);
  }
  EXPECT_EQ(server.received().size(), 1u);
}

TEST(CallOptions, WithoutDataIsAskedOfEveryWrite) {
  FakeServer server(Succeed());
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const CallOptions bare{.without_data = true};
  ASSERT_TRUE(client.Set(kKey, 0, "a", bare).ok());
  ASSERT_TRUE(client.Del(kKey, bare).ok());
  ASSERT_TRUE(client.DelVersion(kKey, 1, bare).ok());
  ASSERT_TRUE(client.TestAndSet(kKey, 0, "a", 1, bare).ok());
  ASSERT_TRUE(client.Batch({DelOperation{kKey}, GetOperation{kKey}}, bare).ok());
  ASSERT_TRUE(client.Del(kKey).ok());
  const std::vector<v1::Operation> got = server.received();
  ASSERT_EQ(got.size(), 7u);
  EXPECT_TRUE(got[0].set().without_data());
  EXPECT_TRUE(got[1].del().without_data());
  EXPECT_TRUE(got[2].del_version().without_data());
  EXPECT_TRUE(got[3].test_and_set().without_data());
  EXPECT_TRUE(got[4].del().without_data());
  EXPECT_FALSE(got[6].del().without_data());
}

TEST(CallOptions, TheRevisionCanBeNamedBesideTheVersion) {
  FakeServer server(Succeed());
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  ASSERT_TRUE(client.DelVersion(kKey, 3, 17).ok());
  ASSERT_TRUE(client.TestAndSet(kKey, 0, "a", 4, 18).ok());
  EXPECT_EQ(server.received()[0].del_version().if_revision(), 17u);
  EXPECT_EQ(server.received()[1].test_and_set().version(), 4);
  EXPECT_EQ(server.received()[1].test_and_set().if_revision(), 18u);
}

TEST(Failure, TellsWhyThereWasNoRoom) {
  const struct {
    v1::Undecided::Reason said;
    Reason told;
    bool repeated;
  } rows[] = {{v1::Undecided::TOO_LARGE, Reason::kTooLarge, false},
              {v1::Undecided::OVERLOADED, Reason::kOverloaded, true},
              {v1::Undecided::READ_ONLY, Reason::kReadOnly, true},
              {v1::Undecided::REASON_UNSPECIFIED, Reason::kNone, false}};
  for (const auto& row : rows) {
    FakeServer server(FailAlways(Because(row.said)));
    Client client({.endpoints = {server.endpoint()}, .deadline = milliseconds(1000)});
    ASSERT_TRUE(client.Status().ok());  // it is connected
    const Answer<Decided> answer = client.Set(kKey, 0, "a");
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure().reason, row.told);
    EXPECT_EQ(answer.failure().applied, Applied::kNo);
    EXPECT_EQ(server.received().size() > 1, row.repeated) << row.said;
  }
}

TEST(Failure, AnOlderServersAdviceToComeBackMeansOverload) {
  FakeServer server([](grpc::ServerContext& context, const v1::Operation&, v1::Reply&, int) {
    context.AddTrailingMetadata("grpc-retry-pushback-ms", "60000");
    return Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::Undecided::NO);
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(client.Set(kKey, 0, "a").failure().reason, Reason::kOverloaded);
}

TEST(Failure, WhatWasAppliedIsNeverSentAgain) {
  for (const auto code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::OUT_OF_RANGE,
                          grpc::StatusCode::RESOURCE_EXHAUSTED}) {
    FakeServer one(FailAlways(Refused(code, v1::Undecided::YES)));
    FakeServer other(FailAlways(Refused(code, v1::Undecided::YES)));
    Client client({.endpoints = {one.endpoint(), other.endpoint()}, .deadline = kLong});
    const Answer<Decided> answer = client.Set(kKey, 0, "a");
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure().applied, Applied::kYes);
    EXPECT_THAT(answer.failure().ToText(), HasSubstr("(applied)"));
    EXPECT_EQ(one.received().size() + other.received().size(), 1u);
  }
}

TEST(Failure, NamesTheRequestOfAWriteInDoubtOnly) {
  FakeServer server(FailAlways({grpc::StatusCode::INTERNAL, "boom"}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(client.Get(kKey).failure().request, "");
  const std::string request = client.Set(kKey, 0, "a").failure().request;
  const std::optional<RequestRange> range = ParseRequestRange(request);
  ASSERT_TRUE(range) << request;
  EXPECT_EQ(range->client, server.received()[1].set().request_id().client());
  EXPECT_EQ(range->first, server.received()[1].set().request_id().sequence());
  EXPECT_EQ(range->count, 1u);

  const std::vector<Operation> two = {DelOperation{kKey}, DelOperation{kKey}};
  const std::optional<RequestRange> both = ParseRequestRange(client.Batch(two).failure().request);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->first, 2u);
  EXPECT_EQ(both->count, 2u);

  FakeServer refusing(FailAlways(Refused(grpc::StatusCode::OUT_OF_RANGE, v1::Undecided::NO)));
  Client refused({.endpoints = {refusing.endpoint()}, .deadline = kLong});
  EXPECT_EQ(refused.Set(kKey, 0, "a").failure().request, "");
}

// Resolve().

const std::string kRequest = "000102030405060708090a0b0c0d0e0f-17";

TEST(Resolve, AsksWithAWriteThatChangesNothingUnderTheSameId) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int) {
    reply.set_result(v1::ERROR_NE);
    return grpc::Status::OK;
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<std::vector<Resolved>> answer = client.Resolve(kRequest);
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->size(), 1u);
  EXPECT_EQ((*answer)[0].kind, Resolved::Kind::kNotApplied);
  const v1::DelVersionRequest sent = server.received()[0].del_version();
  EXPECT_EQ(sent.version(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(sent.request_id().sequence(), 17u);
  EXPECT_EQ(sent.request_id().first_unanswered(), 0u) << "it makes the database forget nothing";
  EXPECT_EQ(sent.request_id().attempt(), 2u) << "a client that was forgotten is not taken for new";
}

TEST(Resolve, TellsTheFirstAnswer) {
  v1::Undecided no;
  no.set_applied(v1::Undecided::NO);
  v1::Reply& first = *no.mutable_first_answer();
  first.set_result(v1::ERROR_WV);
  first.set_revision(9);
  first.mutable_value()->set_version(4);
  FakeServer server(FailAlways(Saying(grpc::StatusCode::INVALID_ARGUMENT, no)));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<std::vector<Resolved>> answer = client.Resolve(kRequest);
  ASSERT_TRUE(answer.ok());
  const Resolved& resolved = (*answer)[0];
  EXPECT_EQ(resolved.kind, Resolved::Kind::kDecided);
  ASSERT_TRUE(resolved.decided);
  EXPECT_EQ(resolved.decided->result, Result::kWrongVersion);
  EXPECT_EQ(resolved.decided->revision, 9u);
  EXPECT_EQ(resolved.decided->value->version, 4);
}

TEST(Resolve, TellsTheFirstAnswerAlsoAfterAnAttemptInDoubt) {
  v1::Undecided no;
  no.set_applied(v1::Undecided::NO);
  no.mutable_first_answer()->set_result(v1::SUCCESS);
  FakeServer server([&](grpc::ServerContext&, const v1::Operation&, v1::Reply&, int attempt) {
    return attempt == 0 ? Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::UNKNOWN)
                        : Saying(grpc::StatusCode::INVALID_ARGUMENT, no);
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<std::vector<Resolved>> answer = client.Resolve(kRequest);
  ASSERT_TRUE(answer.ok()) << answer.failure().ToText();
  EXPECT_EQ((*answer)[0].kind, Resolved::Kind::kDecided);
}

TEST(Resolve, KnowsARefusalFromADecision) {
  v1::Undecided no;
  no.set_applied(v1::Undecided::NO);
  no.mutable_first_answer();
  FakeServer server(FailAlways(Saying(grpc::StatusCode::INVALID_ARGUMENT, no)));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ((*client.Resolve(kRequest))[0].kind, Resolved::Kind::kNotApplied);
}

TEST(Resolve, AServerThatDoesNotTellTheAnswerStillTellsThatThereIsOne) {
  FakeServer server(FailAlways(Refused(grpc::StatusCode::INVALID_ARGUMENT, v1::Undecided::NO)));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<std::vector<Resolved>> answer = client.Resolve(kRequest);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ((*answer)[0].kind, Resolved::Kind::kDecided);
  EXPECT_FALSE((*answer)[0].decided);
}

TEST(Resolve, WhatIsNoLongerRememberedIsForgotten) {
  FakeServer server(
      FailAlways(Refused(grpc::StatusCode::FAILED_PRECONDITION, v1::Undecided::UNKNOWN)));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ((*client.Resolve(kRequest))[0].kind, Resolved::Kind::kForgotten);
}

TEST(Resolve, OtherFailuresAreNoAnswer) {
  for (const grpc::Status& status :
       {Refused(grpc::StatusCode::FAILED_PRECONDITION, v1::Undecided::NO),
        grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "of something between"),
        grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "")}) {
    FakeServer server(FailAlways(status));
    Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
    const Answer<std::vector<Resolved>> answer = client.Resolve(kRequest);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure().applied, Applied::kNo);
  }
}

TEST(Resolve, AnswersForEachOperationOfABatch) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation& request, v1::Reply& reply, int) {
    if (request.del_version().request_id().sequence() == 18) {
      return Refused(grpc::StatusCode::INVALID_ARGUMENT, v1::Undecided::NO);
    }
    reply.set_result(v1::ERROR_NE);
    return grpc::Status::OK;
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<std::vector<Resolved>> answer = client.Resolve(kRequest + "..19");
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->size(), 3u);
  EXPECT_EQ((*answer)[0].kind, Resolved::Kind::kNotApplied);
  EXPECT_EQ((*answer)[1].kind, Resolved::Kind::kDecided);
  EXPECT_EQ((*answer)[2].kind, Resolved::Kind::kNotApplied);
}

TEST(Resolve, RefusesWhatIsNoRequestUnsent) {
  FakeServer server(Succeed());
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(client.Resolve("17").failure().code, absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server.received().size(), 0u);
}

TEST(Resolve, KeepsTheDatabaseRememberingUntilItIsAsked) {
  FakeServer server(
      [](grpc::ServerContext&, const v1::Operation& request, v1::Reply& reply, int at) {
        if (at == 0) return grpc::Status(grpc::StatusCode::INTERNAL, "boom");
        if (request.has_del_version()) {
          return Refused(grpc::StatusCode::INVALID_ARGUMENT, v1::Undecided::NO);
        }
        reply.set_result(v1::SUCCESS);
        return grpc::Status::OK;
      });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const std::string request = client.Set(kKey, 0, "a").failure().request;
  ASSERT_TRUE(client.Set(kKey, 0, "a").ok());
  EXPECT_EQ(server.received()[1].set().request_id().first_unanswered(), 1u);
  ASSERT_TRUE(client.Resolve(request).ok());
  ASSERT_TRUE(client.Set(kKey, 0, "a").ok());
  EXPECT_EQ(server.received()[3].set().request_id().first_unanswered(), 3u);
}

}  // namespace
}  // namespace tripla
