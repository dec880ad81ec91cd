// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "client/fake_server.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using Applied = Failure::Applied;

constexpr milliseconds kLong{20'000};  // longer than any test should take

const Key kKey = *Key::Parse("1");

// Answers the calls in this order, then SUCCESS.
struct Scripted {
  v1::Result result = v1::SUCCESS;
  std::string data;  // the entry's, at version 1 and the revision; none when empty
  uint64_t revision = 0;
  int64_t version = 1;
};

FakeServer::OnOperation Answers(std::vector<Scripted> script) {
  return [script](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int attempt) {
    reply.set_result(v1::SUCCESS);
    if (attempt >= static_cast<int>(script.size())) return grpc::Status::OK;
    const Scripted& now = script[static_cast<size_t>(attempt)];
    reply.set_result(now.result);
    reply.set_revision(now.revision);
    if (!now.data.empty()) {
      reply.mutable_value()->set_data(now.data);
      reply.mutable_value()->set_version(now.version);
    }
    return grpc::Status::OK;
  };
}

Change Append(const std::optional<Triple>& stored) {
  return Change::Write(5, (stored ? stored->data : "") + "+");
}

TEST(Update, CreatesAnEntryThatIsAbsent) {
  FakeServer server(Answers({{.result = v1::ERROR, .revision = 3}, {.revision = 4}}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Updated> updated = client.Update(kKey, Append);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->done, Change::Kind::kWrite);
  EXPECT_EQ(updated->before, std::nullopt);
  EXPECT_EQ(updated->revision, 4u);
  EXPECT_EQ(updated->lost, 0);
  ASSERT_EQ(server.received().size(), 2u);
  EXPECT_EQ(server.received()[1].set().data(), "+");
  EXPECT_EQ(server.received()[1].set().timestamp(), 5);
}

TEST(Update, ReplacesOnlyWhatItHasSeen) {
  FakeServer server(Answers({{.data = "a", .revision = 7, .version = 3}, {.revision = 8}}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Updated> updated = client.Update(kKey, Append);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->before->data, "a");
  const v1::TestAndSetRequest sent = server.received()[1].test_and_set();
  EXPECT_EQ(sent.version(), 3);
  EXPECT_EQ(sent.if_revision(), 7u) << "an entry deleted and set anew has the version again";
  EXPECT_EQ(sent.value().data(), "a+");
}

TEST(Update, DeletesWhatItHasSeen) {
  FakeServer server(Answers({{.data = "a", .revision = 7, .version = 3}}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_EQ(client.Update(kKey, [](const auto&) { return Change::Delete(); })->done,
            Change::Kind::kDelete);
  EXPECT_EQ(server.received()[1].del_version().version(), 3);
  EXPECT_EQ(server.received()[1].del_version().if_revision(), 7u);
}

TEST(Update, WritesNothingWhenThereIsNothingToDo) {
  FakeServer server(Answers({{.data = "a", .revision = 7}, {.result = v1::ERROR, .revision = 9}}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Updated> stopped =
      client.Update(kKey, [](const auto&) { return Change::Nothing(); });
  EXPECT_EQ(stopped->revision, 7u);
  EXPECT_EQ(stopped->before->data, "a");
  EXPECT_EQ(client.Update(kKey, [](const auto&) { return Change::Delete(); })->revision, 9u);
  EXPECT_EQ(server.received().size(), 2u) << "two reads";
}

TEST(Update, DecidesAnewByTheAnswerOfALostRaceWithoutReadingAgain) {
  FakeServer server(Answers({{.data = "a", .revision = 7},
                             {.result = v1::ERROR_WV, .data = "b", .revision = 9, .version = 2},
                             {.result = v1::ERROR_NE, .revision = 12},
                             {.result = v1::ERROR, .data = "c", .revision = 13},
                             {.revision = 14}}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  const Answer<Updated> updated = client.Update(kKey, Append);
  ASSERT_TRUE(updated.ok());
  EXPECT_EQ(updated->lost, 3);
  EXPECT_EQ(updated->before->data, "c");
  EXPECT_EQ(updated->revision, 14u);
  const std::vector<v1::Operation> got = server.received();
  ASSERT_EQ(got.size(), 5u);
  EXPECT_EQ(got[2].test_and_set().value().data(), "b+");
  EXPECT_EQ(got[2].test_and_set().version(), 2);
  EXPECT_EQ(got[2].test_and_set().if_revision(), 9u);
  EXPECT_EQ(got[3].set().data(), "+") << "meanwhile it was deleted";
  EXPECT_EQ(got[4].test_and_set().value().data(), "c+");
}

TEST(Update, EndsAtItsDeadlineWhenOthersAreAlwaysFaster) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation& request, v1::Reply& reply, int) {
    reply.set_result(request.has_get() ? v1::SUCCESS : v1::ERROR_WV);
    reply.mutable_value()->set_version(1);
    return grpc::Status::OK;
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  ASSERT_TRUE(client.Status().ok());  // it is connected
  // On a busy machine the deadline may pass while a call is under way, which is another failure.
  absl::StatusCode code = absl::StatusCode::kDeadlineExceeded;
  for (int i = 0; i < 20 && code == absl::StatusCode::kDeadlineExceeded; ++i) {
    const Answer<Updated> updated = client.Update(kKey, Append, {.deadline = milliseconds(500)});
    ASSERT_FALSE(updated.ok());
    code = updated.failure().code;
    if (code == absl::StatusCode::kAborted) {
      EXPECT_EQ(updated.failure().applied, Applied::kNo);
    }
  }
  EXPECT_EQ(code, absl::StatusCode::kAborted);
}

TEST(Update, AWriteInDoubtIsSentAgainUnderItsIdAndNeverAsANewOne) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation& request, v1::Reply& reply, int) {
    if (!request.has_get()) return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::UNKNOWN);
    reply.set_result(v1::ERROR);
    return grpc::Status::OK;
  });
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  ASSERT_TRUE(client.Status().ok());  // it is connected
  const Answer<Updated> updated = client.Update(kKey, Append, {.deadline = milliseconds(1000)});
  ASSERT_FALSE(updated.ok());
  EXPECT_EQ(updated.failure().applied, Applied::kUnknown);
  EXPECT_FALSE(updated.failure().request.empty());
  const std::vector<v1::Operation> got = server.received();
  ASSERT_GT(got.size(), 2u);
  for (size_t i = 1; i < got.size(); ++i) {
    EXPECT_EQ(got[i].set().request_id().sequence(), 1u);
    EXPECT_EQ(got[i].set().request_id().attempt(), i);
  }
}

TEST(Update, WhatTheFunctionThrowsEndsTheCall) {
  FakeServer server(Answers({{.data = "a", .revision = 7}}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_THROW(
      (void)client.Update(kKey, [](const auto&) -> Change { throw std::runtime_error("no"); }),
      std::runtime_error);
  EXPECT_EQ(client.CancelCalls(), 0u) << "no call is running any more";
  EXPECT_EQ(server.received().size(), 1u);
}

TEST(Update, ItsFunctionMayCallTheClient) {
  FakeServer server(Answers({}));
  Client client({.endpoints = {server.endpoint()}, .deadline = kLong});
  EXPECT_TRUE(client
                  .Update(kKey,
                          [&](const auto&) {
                            EXPECT_TRUE(client.Get(*Key::Parse("2")).ok());
                            return Change::Nothing();
                          })
                  .ok());
}

}  // namespace
}  // namespace tripla
