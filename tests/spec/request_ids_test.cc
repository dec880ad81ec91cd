// SPDX-License-Identifier: Apache-2.0
// Exactly once (R13), also over restarts and kill -9.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/test_server.h"
#include "tests/spec/subject.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla {
namespace {

using Stub = v1::KeyValue::Stub;

v1::SetRequest MakeSet(const std::string& client, const std::string& key, uint64_t sequence,
                       const std::string& data = "a") {
  v1::SetRequest request;
  request.set_key(KeyBytes(key));
  request.set_data(data);
  request.mutable_request_id()->set_client(client);
  request.mutable_request_id()->set_sequence(sequence);
  return request;
}

v1::DelRequest MakeDel(const std::string& client, const std::string& key, uint64_t sequence,
                       uint64_t first_unanswered, uint32_t attempt) {
  v1::DelRequest request;
  request.set_key(KeyBytes(key));
  request.mutable_request_id()->set_client(client);
  request.mutable_request_id()->set_sequence(sequence);
  request.mutable_request_id()->set_first_unanswered(first_unanswered);
  request.mutable_request_id()->set_attempt(attempt);
  return request;
}

// Dels of a key that is not there, as requests `first` to `last` but for those of `left_out`.
void SendDels(v1::KeyValue::Stub& stub, const std::string& client, const std::string& key,
              uint64_t first, uint64_t last, const std::set<uint64_t>& left_out = {}) {
  v1::BatchRequest batch;
  for (uint64_t sequence = first; sequence <= last; ++sequence) {
    if (!left_out.contains(sequence)) {
      *batch.add_operations()->mutable_del() = MakeDel(client, key, sequence, 1, 1);
    }
    if (batch.operations_size() == 10'000 || sequence == last) {
      const BatchAnswer answer = SendBatch(stub, batch);
      ASSERT_TRUE(answer.status.ok()) << sequence << ": " << answer.status.error_message();
      batch.Clear();
    }
  }
}

class RequestIds : public SpecTest {
 protected:
  // The tests of a suite meet at one subject: each is a client with keys of its own.
  const int number_ = 100 + ++tests_;
  const std::string client_ = "a client, no " + std::to_string(number_);
  const std::string key_ = std::to_string(number_) + "1";
  const std::string other_key_ = std::to_string(number_) + "2";

 private:
  inline static int tests_ = 0;
};
INSTANTIATE_TEST_SUITE_P(On, RequestIds, testing::ValuesIn(SubjectKinds()), NameOf);

TEST_P(RequestIds, R13_TheSameIdAgainReturnsTheFirstAnswer) {
  const CallAnswer first = Send(stub(), &Stub::Set, MakeSet(client_, key_, 1));
  EXPECT_EQ(first.reply.result(), v1::SUCCESS);
  EXPECT_FALSE(first.reply.replayed());
  Del(stub(), key_);
  const CallAnswer again = Send(stub(), &Stub::Set, MakeSet(client_, key_, 1));
  EXPECT_EQ(again.reply.result(), v1::SUCCESS);
  EXPECT_TRUE(again.reply.replayed());
  EXPECT_EQ(again.reply.revision(), first.reply.revision());
  EXPECT_EQ(Get(stub(), key_).reply.result(), v1::ERROR) << "the replay wrote";
}

TEST_P(RequestIds, R13_AReplayCarriesTheFirstAnswersTriple) {
  Set(stub(), key_, 5, "before");
  v1::TestAndSetRequest request;
  request.set_key(KeyBytes(key_));
  request.set_version(1);
  request.mutable_value()->set_data("after");
  *request.mutable_request_id() = MakeSet(client_, key_, 9).request_id();
  Send(stub(), &Stub::TestAndSet, request);
  const CallAnswer again = Send(stub(), &Stub::TestAndSet, request);
  EXPECT_TRUE(again.reply.replayed());
  EXPECT_EQ(again.reply.value().data(), "before");
  EXPECT_EQ(Get(stub(), key_).reply.value().version(), 2);
}

TEST_P(RequestIds, R13_AnotherBodyUnderTheSameIdIsRefused) {
  Send(stub(), &Stub::Set, MakeSet(client_, key_, 1));
  const CallAnswer other = Send(stub(), &Stub::Set, MakeSet(client_, key_, 1, "b"));
  EXPECT_EQ(other.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(other.applied(), v1::Undecided::NO);
  v1::DelRequest del;
  del.set_key(KeyBytes(key_));
  *del.mutable_request_id() = MakeSet(client_, key_, 1).request_id();
  EXPECT_EQ(Send(stub(), &Stub::Del, del).status.error_code(), grpc::INVALID_ARGUMENT);
}

// S21: so that a client can find out what became of a write by its id alone.
TEST_P(RequestIds, R13_TheRefusalOfAReusedIdTellsTheFirstAnswerWithoutData) {
  Set(stub(), key_, 5, "before");
  v1::TestAndSetRequest request;
  request.set_key(KeyBytes(key_));
  request.set_version(1);
  request.mutable_value()->set_data("after");
  *request.mutable_request_id() = MakeSet(client_, key_, 9).request_id();
  const CallAnswer first = Send(stub(), &Stub::TestAndSet, request);
  request.set_version(-1);
  const CallAnswer other = Send(stub(), &Stub::TestAndSet, request);
  EXPECT_EQ(other.status.error_code(), grpc::INVALID_ARGUMENT);
  v1::RpcStatus detailed;
  v1::Undecided undecided;
  ASSERT_TRUE(detailed.ParseFromString(other.status.error_details()));
  ASSERT_TRUE(detailed.details(0).UnpackTo(&undecided));
  const v1::Reply& told = undecided.first_answer();
  EXPECT_EQ(told.result(), v1::SUCCESS);
  EXPECT_EQ(told.revision(), first.reply.revision());
  EXPECT_EQ(told.value().version(), 1);
  EXPECT_EQ(told.value().timestamp(), 5);
  EXPECT_EQ(told.value().data(), "");
}

TEST_P(RequestIds, R12_ABatchWithARefusedOperationWasNotAppliedWhenTheOthersChangedNothing) {
  Send(stub(), &Stub::Set, MakeSet(client_, key_, 1));
  v1::BatchRequest batch;
  *batch.add_operations()->mutable_del() = MakeDel(client_, other_key_, 1, 1, 1);  // a reused id
  batch.add_operations()->mutable_get()->set_key(KeyBytes(key_));
  v1::SetRequest present = MakeSet(client_, key_, 2);
  *batch.add_operations()->mutable_set() = present;
  const BatchAnswer answer = SendBatch(stub(), batch);
  EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(answer.applied(), v1::Undecided::NO) << "a get and an ERROR change nothing";
}

TEST_P(RequestIds, R13_WhatTheClientHasReceivedIsForgotten) {
  Send(stub(), &Stub::Set, MakeSet(client_, key_, 1));
  v1::SetRequest next = MakeSet(client_, other_key_, 2);
  next.mutable_request_id()->set_first_unanswered(2);
  Send(stub(), &Stub::Set, next);
  const CallAnswer forgotten = Send(stub(), &Stub::Set, MakeSet(client_, key_, 1));
  EXPECT_EQ(forgotten.status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(forgotten.applied(), v1::Undecided::UNKNOWN);
}

TEST_P(RequestIds, R13_InsideABatchEachOperationHasItsOwn) {
  v1::BatchRequest request;
  *request.add_operations()->mutable_set() = MakeSet(client_, key_, 1);
  *request.add_operations()->mutable_set() = MakeSet(client_, other_key_, 2);
  SendBatch(stub(), request);
  *request.add_operations()->mutable_set() = MakeSet(client_, std::to_string(number_) + "3", 3);
  const BatchAnswer again = SendBatch(stub(), request);
  ASSERT_TRUE(again.status.ok()) << again.status.error_message();
  EXPECT_TRUE(again.reply.replies(0).replayed());
  EXPECT_TRUE(again.reply.replies(1).replayed());
  EXPECT_FALSE(again.reply.replies(2).replayed());
}

// More than any bound of answers of one client.
TEST_P(RequestIds, R13a_ASequenceThatNeverCameIsNewHoweverManyLaterOnesWereAnswered) {
  constexpr uint64_t kLast = 120'000;
  const std::set<uint64_t> late = {1, 2, 77, 5000, 10'001, 60'000, 60'001, kLast - 1};
  SendDels(stub(), client_, key_, 1, kLast, late);
  std::vector<uint64_t> in_any_order(late.begin(), late.end());
  std::ranges::reverse(in_any_order);
  std::swap(in_any_order[1], in_any_order[5]);
  uint32_t attempt = 0;  // that it was lost on its way once makes no difference
  for (const uint64_t sequence : in_any_order) {
    const std::string key = key_ + std::to_string(sequence);
    v1::SetRequest set = MakeSet(client_, key, sequence);
    set.mutable_request_id()->set_first_unanswered(1);
    set.mutable_request_id()->set_attempt(attempt++ % 3);
    const CallAnswer first = Send(stub(), &Stub::Set, set);
    ASSERT_TRUE(first.status.ok()) << sequence << ": " << first.status.error_message();
    EXPECT_EQ(first.reply.result(), v1::SUCCESS);
    EXPECT_FALSE(first.reply.replayed());
  }
}

TEST_P(RequestIds, R13a_AnAnswerThatWasDroppedIsRefusedAndNotExecutedAgain) {
  constexpr uint64_t kLast = 120'000;
  SendDels(stub(), client_, key_, 1, kLast);
  Set(stub(), key_, 0, "new");
  for (const uint32_t attempt : {0, 1, 2, 7}) {
    const CallAnswer again =
        Send(stub(), &Stub::Del, MakeDel(client_, key_, 1 + attempt, 1, attempt));
    EXPECT_EQ(again.status.error_code(), grpc::FAILED_PRECONDITION) << attempt;
    EXPECT_EQ(again.applied(), v1::Undecided::UNKNOWN);
  }
  const CallAnswer last = Send(stub(), &Stub::Del, MakeDel(client_, key_, kLast, 1, 2));
  EXPECT_TRUE(last.reply.replayed());
  EXPECT_EQ(last.reply.result(), v1::ERROR);
  EXPECT_EQ(Get(stub(), key_).reply.result(), v1::SUCCESS) << "a del was executed again";
}

TEST_P(RequestIds, R13a_AttemptsAreNoPartOfAnIdAndAnUnknownOneIsExecuted) {
  const CallAnswer first = Send(stub(), &Stub::Del, MakeDel(client_, key_, 3, 1, 2));
  EXPECT_TRUE(first.status.ok()) << "its first attempt never came, and nobody was forgotten";
  for (const uint32_t attempt : {0, 1, 2, 3}) {
    EXPECT_TRUE(Send(stub(), &Stub::Del, MakeDel(client_, key_, 3, 1, attempt)).reply.replayed());
  }
}

// S12: every tripla command is a client of its own.
TEST(RequestIdsOfOneServer, R13a_AForgottenClientsDelIsNotExecutedAgain) {
  const TemporaryDirectory directory;
  TestServer server(directory.path(), {"--fsync", "never"});
  const std::string client = "0123456789abcdef";
  Set(server.stub(), "1", 0, "old");
  EXPECT_EQ(Send(server.stub(), &Stub::Del, MakeDel(client, "1", 1, 1, 1)).reply.result(),
            v1::SUCCESS);
  constexpr int kOthers = 100'000;
  v1::BatchRequest batch;
  for (int i = 0; i < kOthers; ++i) {
    std::string other = std::to_string(i);
    other.resize(16, ' ');
    *batch.add_operations()->mutable_del() = MakeDel(other, "2", 1, 1, 1);
    if (batch.operations_size() < 10'000) continue;
    ASSERT_TRUE(SendBatch(server.stub(), batch).status.ok());
    batch.Clear();
  }
  Set(server.stub(), "1", 0, "new");
  const auto expect_refused = [&](TestServer& at) {
    const CallAnswer again = Send(at.stub(), &Stub::Del, MakeDel(client, "1", 1, 1, 2));
    EXPECT_EQ(again.status.error_code(), grpc::FAILED_PRECONDITION);
    EXPECT_EQ(again.applied(), v1::Undecided::UNKNOWN);
    EXPECT_EQ(Get(at.stub(), "1").reply.value().data(), "new");
  };
  expect_refused(server);
  grpc::ClientContext context;
  v1::SnapshotReply snapshot;
  ASSERT_TRUE(server.admin().Snapshot(&context, {}, &snapshot).ok());
  server.Stop();
  TestServer again(directory.path());
  expect_refused(again);
  EXPECT_TRUE(Send(again.stub(), &Stub::Del, MakeDel(client, "2", 2, 1, 1)).status.ok());
  expect_refused(again);
}

TEST(RequestIdsOfOneServer, R12_ABatchWithARefusedOperationIsUnknownWhenAnotherChangedSomething) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  const std::string client = "0123456789abcdef";
  Send(server.stub(), &Stub::Set, MakeSet(client, "1", 1));
  v1::BatchRequest batch;
  *batch.add_operations()->mutable_del() = MakeDel(client, "2", 1, 1, 1);  // a reused id
  *batch.add_operations()->mutable_set() = MakeSet(client, "3", 2);
  for (const char* time : {"first", "again"}) {
    const BatchAnswer answer = SendBatch(server.stub(), batch);
    EXPECT_EQ(answer.status.error_code(), grpc::INVALID_ARGUMENT);
    EXPECT_EQ(answer.applied(), v1::Undecided::UNKNOWN) << time;
  }
  EXPECT_EQ(Get(server.stub(), "3").reply.result(), v1::SUCCESS);
}

TEST(RequestIdsOfOneServer, R13_AnswersSurviveKillRestartAndImage) {
  TemporaryDirectory directory;
  uint64_t revision = 0;
  {
    TestServer server(directory.path());
    revision =
        Send(server.stub(), &Stub::Set, MakeSet("0123456789abcdef", "1", 1)).reply.revision();
    server.Kill();
  }
  for (int round = 0; round < 2; ++round) {
    TestServer server(directory.path());
    const CallAnswer again = Send(server.stub(), &Stub::Set, MakeSet("0123456789abcdef", "1", 1));
    EXPECT_TRUE(again.reply.replayed()) << round;
    EXPECT_EQ(again.reply.revision(), revision);
    grpc::ClientContext context;
    v1::SnapshotReply snapshot;
    ASSERT_TRUE(server.admin().Snapshot(&context, {}, &snapshot).ok());
    server.Stop();
  }
}

}  // namespace
}  // namespace tripla
