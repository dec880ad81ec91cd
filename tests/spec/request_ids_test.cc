// SPDX-License-Identifier: Apache-2.0
// Exactly once (R13), through a real server, over restarts and kill -9.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using Stub = v1::KeyValue::Stub;

v1::SetRequest MakeSet(const std::string& key, uint64_t sequence, const std::string& data = "a") {
  v1::SetRequest request;
  request.set_key(KeyBytes(key));
  request.set_data(data);
  request.mutable_request_id()->set_client("0123456789abcdef");
  request.mutable_request_id()->set_sequence(sequence);
  return request;
}

TEST(RequestIds, R13_TheSameIdAgainReturnsTheFirstAnswer) {
  TemporaryDirectory directory;
  TestServer server(directory.path());
  const CallAnswer first = Send(server.stub(), &Stub::Set, MakeSet("1", 1));
  EXPECT_EQ(first.reply.result(), v1::SUCCESS);
  EXPECT_FALSE(first.reply.replayed());
  Del(server.stub(), "1");
  const CallAnswer again = Send(server.stub(), &Stub::Set, MakeSet("1", 1));
  EXPECT_EQ(again.reply.result(), v1::SUCCESS);
  EXPECT_TRUE(again.reply.replayed());
  EXPECT_EQ(again.reply.revision(), first.reply.revision());
  EXPECT_EQ(Get(server.stub(), "1").reply.result(), v1::ERROR) << "the replay wrote";
}

TEST(RequestIds, R13_AReplayCarriesTheFirstAnswersTriple) {
  TemporaryDirectory directory;
  TestServer server(directory.path());
  Set(server.stub(), "1", 5, "before");
  v1::TestAndSetRequest request;
  request.set_key(KeyBytes("1"));
  request.set_version(1);
  request.mutable_value()->set_data("after");
  *request.mutable_request_id() = MakeSet("1", 9).request_id();
  Send(server.stub(), &Stub::TestAndSet, request);
  const CallAnswer again = Send(server.stub(), &Stub::TestAndSet, request);
  EXPECT_TRUE(again.reply.replayed());
  EXPECT_EQ(again.reply.value().data(), "before");
  EXPECT_EQ(Get(server.stub(), "1").reply.value().version(), 2);
}

TEST(RequestIds, R13_AnotherBodyUnderTheSameIdIsRefused) {
  TemporaryDirectory directory;
  TestServer server(directory.path());
  Send(server.stub(), &Stub::Set, MakeSet("1", 1));
  const CallAnswer other = Send(server.stub(), &Stub::Set, MakeSet("1", 1, "b"));
  EXPECT_EQ(other.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(other.applied(), v1::Undecided::NO);
  v1::DelRequest del;
  del.set_key(KeyBytes("1"));
  *del.mutable_request_id() = MakeSet("1", 1).request_id();
  EXPECT_EQ(Send(server.stub(), &Stub::Del, del).status.error_code(), grpc::INVALID_ARGUMENT);
}

TEST(RequestIds, R13_AnswersSurviveKillRestartAndImage) {
  TemporaryDirectory directory;
  uint64_t revision = 0;
  {
    TestServer server(directory.path());
    revision = Send(server.stub(), &Stub::Set, MakeSet("1", 1)).reply.revision();
    server.Kill();
  }
  for (int round = 0; round < 2; ++round) {
    TestServer server(directory.path());
    const CallAnswer again = Send(server.stub(), &Stub::Set, MakeSet("1", 1));
    EXPECT_TRUE(again.reply.replayed()) << round;
    EXPECT_EQ(again.reply.revision(), revision);
    grpc::ClientContext context;
    v1::SnapshotReply snapshot;
    ASSERT_TRUE(server.admin().Snapshot(&context, {}, &snapshot).ok());
    server.Stop();
  }
}

TEST(RequestIds, R13_WhatTheClientHasReceivedIsForgotten) {
  TemporaryDirectory directory;
  TestServer server(directory.path());
  Send(server.stub(), &Stub::Set, MakeSet("1", 1));
  v1::SetRequest next = MakeSet("2", 2);
  next.mutable_request_id()->set_first_unanswered(2);
  Send(server.stub(), &Stub::Set, next);
  const CallAnswer forgotten = Send(server.stub(), &Stub::Set, MakeSet("1", 1));
  EXPECT_EQ(forgotten.status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(forgotten.applied(), v1::Undecided::UNKNOWN);
}

TEST(RequestIds, R13_InsideABatchEachOperationHasItsOwn) {
  TemporaryDirectory directory;
  TestServer server(directory.path());
  v1::BatchRequest request;
  *request.add_operations()->mutable_set() = MakeSet("1", 1);
  *request.add_operations()->mutable_set() = MakeSet("2", 2);
  SendBatch(server.stub(), request);
  *request.add_operations()->mutable_set() = MakeSet("3", 3);
  const BatchAnswer again = SendBatch(server.stub(), request);
  ASSERT_TRUE(again.status.ok()) << again.status.error_message();
  EXPECT_TRUE(again.reply.replies(0).replayed());
  EXPECT_TRUE(again.reply.replies(1).replayed());
  EXPECT_FALSE(again.reply.replies(2).replayed());
}

}  // namespace
}  // namespace tripla
