// SPDX-License-Identifier: Apache-2.0
// Each row of the specification's table of operations (R4-R8) and its decisions (R8a-R12), through
// a real socket: the same for a state machine, a server, and three replicas.
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "tests/harness/test_server.h"
#include "tests/spec/subject.h"

namespace tripla {
namespace {

using Stub = v1::KeyValue::Stub;

class Operations : public SpecTest {};
INSTANTIATE_TEST_SUITE_P(On, Operations, testing::ValuesIn(SubjectKinds()), NameOf);

// What an answer says, for comparing in one line: "ERROR (1,10,a)" or "SUCCESS NULL".
std::string Text(const CallAnswer& answer) {
  if (!answer.status.ok()) return "error: " + answer.status.error_message();
  std::string text = v1::Result_Name(answer.reply.result());
  if (!answer.reply.has_value()) return text + " NULL";
  const v1::Triple& value = answer.reply.value();
  return text + " (" + std::to_string(value.version()) + "," + std::to_string(value.timestamp()) +
         "," + value.data() + ")";
}

TEST_P(Operations, R4_SetOfAnAbsentKeyStoresVersionOne) {
  EXPECT_EQ(Text(Set(stub(), "400", 10, "a")), "SUCCESS NULL");
  EXPECT_EQ(Text(Get(stub(), "400")), "SUCCESS (1,10,a)");
}

TEST_P(Operations, R4_SetOfAPresentKeyChangesNothingAlsoWhenIdentical) {
  Set(stub(), "401", 10, "a");
  EXPECT_EQ(Text(Set(stub(), "401", 10, "a")), "ERROR (1,10,a)");
  EXPECT_EQ(Text(Set(stub(), "401", 11, "b")), "ERROR (1,10,a)");
  EXPECT_EQ(Text(Get(stub(), "401")), "SUCCESS (1,10,a)");
}

TEST_P(Operations, R5_GetOfAnAbsentKeyIsErrorAndNull) {
  EXPECT_EQ(Text(Get(stub(), "500")), "ERROR NULL");
}

TEST_P(Operations, R6_DelReturnsTheRemovedTriple) {
  Set(stub(), "600", 10, "a");
  EXPECT_EQ(Text(Del(stub(), "600")), "SUCCESS (1,10,a)");
  EXPECT_EQ(Text(Get(stub(), "600")), "ERROR NULL");
}

TEST_P(Operations, R6_DelOfAnAbsentKeyIsErrorNotErrorNe) {
  EXPECT_EQ(Text(Del(stub(), "601")), "ERROR NULL");
}

TEST_P(Operations, R7_DelVersionOfAnAbsentKeyIsErrorNe) {
  EXPECT_EQ(Text(DelVersion(stub(), "700", 1)), "ERROR_NE NULL");
}

TEST_P(Operations, R7_DelVersionWithAnotherVersionChangesNothing) {
  Set(stub(), "701", 10, "a");
  EXPECT_EQ(Text(DelVersion(stub(), "701", 2)), "ERROR_WV (1,10,a)");
  EXPECT_EQ(Text(Get(stub(), "701")), "SUCCESS (1,10,a)");
}

TEST_P(Operations, R7_DelVersionWithTheStoredVersionRemoves) {
  Set(stub(), "702", 10, "a");
  EXPECT_EQ(Text(DelVersion(stub(), "702", 1)), "SUCCESS (1,10,a)");
  EXPECT_EQ(Text(Get(stub(), "702")), "ERROR NULL");
}

TEST_P(Operations, R8_TestAndSetOfAnAbsentKeyDoesNotCreate) {
  EXPECT_EQ(Text(TestAndSet(stub(), "800", 0, 10, "a")), "ERROR_NE NULL");
  EXPECT_EQ(Text(Get(stub(), "800")), "ERROR NULL");
}

TEST_P(Operations, R8_TestAndSetWithAnotherVersionReturnsTheStoredTriple) {
  Set(stub(), "801", 10, "a");
  EXPECT_EQ(Text(TestAndSet(stub(), "801", 7, 11, "b")), "ERROR_WV (1,10,a)");
  EXPECT_EQ(Text(Get(stub(), "801")), "SUCCESS (1,10,a)");
}

TEST_P(Operations, R8a_TestAndSetReturnsTheTripleThatWasThereBefore) {
  Set(stub(), "802", 10, "a");
  EXPECT_EQ(Text(TestAndSet(stub(), "802", 1, 11, "b")), "SUCCESS (1,10,a)");
  EXPECT_EQ(Text(TestAndSet(stub(), "802", 2, 12, "c")), "SUCCESS (2,11,b)");
  EXPECT_EQ(Text(Get(stub(), "802")), "SUCCESS (3,12,c)");
}

TEST_P(Operations, R8a_TheVersionInsideTheValueIsIgnored) {
  Set(stub(), "803", 10, "a");
  v1::TestAndSetRequest request;
  request.set_key(KeyBytes("803"));
  request.set_version(1);
  request.mutable_value()->set_version(77);
  request.mutable_value()->set_data("b");
  EXPECT_EQ(Text(Send(stub(), &Stub::TestAndSet, request)), "SUCCESS (1,10,a)");
  EXPECT_EQ(Text(Get(stub(), "803")), "SUCCESS (2,0,b)");
}

TEST_P(Operations, R8b_ZeroAndNegativeVersionsNeverMatch) {
  Set(stub(), "804", 10, "a");
  for (const int64_t version : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_EQ(Text(TestAndSet(stub(), "804", version, 1, "b")), "ERROR_WV (1,10,a)");
    EXPECT_EQ(Text(DelVersion(stub(), "804", version)), "ERROR_WV (1,10,a)");
  }
}

TEST_P(Operations, R9_SetAfterDelIsVersionOneAgainWithAnotherRevision) {
  const uint64_t first = Set(stub(), "900", 10, "a").reply.revision();
  Del(stub(), "900");
  const uint64_t second = Set(stub(), "900", 10, "a").reply.revision();
  EXPECT_EQ(Text(Get(stub(), "900")), "SUCCESS (1,10,a)");
  EXPECT_GT(second, first);
  EXPECT_EQ(Text(TestAndSet(stub(), "900", 1, 11, "b", first)), "ERROR_WV (1,10,a)");
  EXPECT_EQ(Text(DelVersion(stub(), "900", 1, first)), "ERROR_WV (1,10,a)");
  EXPECT_EQ(Text(TestAndSet(stub(), "900", 1, 11, "b", second)), "SUCCESS (1,10,a)");
}

TEST_P(Operations, RevisionsAreThoseOfTheEntryReported) {
  const uint64_t set = Set(stub(), "910", 1, "a").reply.revision();
  EXPECT_EQ(Get(stub(), "910").reply.revision(), set);
  EXPECT_EQ(Set(stub(), "910", 1, "b").reply.revision(), set);
  EXPECT_EQ(TestAndSet(stub(), "910", 9, 1, "b").reply.revision(), set);
  EXPECT_EQ(TestAndSet(stub(), "910", 1, 1, "b").reply.revision(), set + 1);
  EXPECT_EQ(Get(stub(), "911").reply.revision(), set + 1) << "absent: what the read saw";
  EXPECT_EQ(Del(stub(), "911").reply.revision(), set + 1) << "absent: nothing changed";
  EXPECT_EQ(Del(stub(), "910").reply.revision(), set + 2);
}

TEST_P(Operations, R10_RedundantSignBytesNameTheSameKey) {
  v1::SetRequest request;
  request.set_key(std::string("\x00\x00\x00\x10", 4));
  request.set_data("sixteen");
  EXPECT_EQ(Text(Send(stub(), &Stub::Set, request)), "SUCCESS NULL");
  EXPECT_EQ(Text(Get(stub(), "16")), "SUCCESS (1,0,sixteen)");
  request.set_key("\xff\xff\xf0");
  EXPECT_EQ(Text(Send(stub(), &Stub::Set, request)), "SUCCESS NULL");
  EXPECT_EQ(Text(Get(stub(), "-16")), "SUCCESS (1,0,sixteen)");
}

TEST_P(Operations, R1_KeysAreIntegersOfAnySize) {
  const std::string digits(10'000, '7');
  for (const std::string& key : {digits, "-" + digits, std::string("0"), std::string("-1")}) {
    EXPECT_EQ(Text(Set(stub(), key, 1, key.substr(0, 2))), "SUCCESS NULL");
    EXPECT_EQ(Text(Get(stub(), key)), "SUCCESS (1,1," + key.substr(0, 2) + ")");
  }
}

TEST_P(Operations, R3_TimestampsComeBackBitForBit) {
  using Limits = std::numeric_limits<int64_t>;
  EXPECT_EQ(Set(stub(), "300", Limits::min(), "").status.error_code(), grpc::OK);
  EXPECT_EQ(Set(stub(), "301", Limits::max(), "").status.error_code(), grpc::OK);
  EXPECT_EQ(Get(stub(), "300").reply.value().timestamp(), Limits::min());
  EXPECT_EQ(Get(stub(), "301").reply.value().timestamp(), Limits::max());
}

TEST_P(Operations, R2_DataIsAnyBytes) {
  const std::string bytes("\0\x1b[31m\xff\n", 8);
  EXPECT_EQ(Text(Set(stub(), "200", 0, bytes)), "SUCCESS NULL");
  EXPECT_EQ(Get(stub(), "200").reply.value().data(), bytes);
  EXPECT_EQ(Text(Set(stub(), "201", 0, "")), "SUCCESS NULL");
  EXPECT_TRUE(Get(stub(), "201").reply.has_value()) << "empty data is not NULL";
}

TEST_P(Operations, R11_OfManyRacingTestAndSetsExactlyOneWins) {
  constexpr int kRacers = 100;
  for (int round = 1; round <= 5; ++round) {
    const std::string key = "11" + std::to_string(round);
    Set(stub(), key, 0, "start");
    std::vector<std::string> answers(kRacers);
    std::vector<std::thread> racers;
    for (int i = 0; i < kRacers; ++i) {
      racers.emplace_back([&, i] {
        answers[i] = Text(TestAndSet(stub(), key, 1, i, "racer " + std::to_string(i)));
      });
    }
    for (std::thread& racer : racers) racer.join();
    const auto winner = std::find(answers.begin(), answers.end(), "SUCCESS (1,0,start)");
    ASSERT_NE(winner, answers.end());
    const std::string number = std::to_string(winner - answers.begin());
    const std::string stored = "(2," + number + ",racer " + number + ")";
    EXPECT_EQ(std::count(answers.begin(), answers.end(), "ERROR_WV " + stored), kRacers - 1);
    EXPECT_EQ(Text(Get(stub(), key)), "SUCCESS " + stored);
  }
}

TEST_P(Operations, BatchDecidesEachOperationInOrder) {
  v1::BatchRequest request;
  v1::SetRequest& set = *request.add_operations()->mutable_set();
  set.set_key(KeyBytes("1200"));
  set.set_data("a");
  request.add_operations()->mutable_get()->set_key(KeyBytes("1200"));
  *request.add_operations()->mutable_set() = set;
  v1::TestAndSetRequest& test_and_set = *request.add_operations()->mutable_test_and_set();
  test_and_set.set_key(KeyBytes("1200"));
  test_and_set.set_version(1);
  test_and_set.mutable_value()->set_data("b");
  v1::DelVersionRequest& del_version = *request.add_operations()->mutable_del_version();
  del_version.set_key(KeyBytes("1200"));
  del_version.set_version(1);
  request.add_operations()->mutable_del()->set_key(KeyBytes("1200"));
  request.add_operations()->mutable_get()->set_key(KeyBytes("1200"));

  const BatchAnswer answer = SendBatch(stub(), request);
  ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  std::vector<std::string> texts;
  for (const v1::Reply& reply : answer.reply.replies()) {
    texts.push_back(Text({grpc::Status::OK, reply}));
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"SUCCESS NULL", "SUCCESS (1,0,a)", "ERROR (1,0,a)",
                                             "SUCCESS (1,0,a)", "ERROR_WV (2,0,b)",
                                             "SUCCESS (2,0,b)", "ERROR NULL"}));
}

// A request of each kind on one key, in the order in which each finds something to report.
v1::BatchRequest OneOfEach(const std::string& key, bool without_data) {
  v1::BatchRequest batch;
  v1::SetRequest& set = *batch.add_operations()->mutable_set();
  v1::TestAndSetRequest& test_and_set = *batch.add_operations()->mutable_test_and_set();
  test_and_set.set_version(1);
  test_and_set.mutable_value()->set_timestamp(11);
  test_and_set.mutable_value()->set_data("b");
  v1::DelVersionRequest& wrong = *batch.add_operations()->mutable_del_version();
  wrong.set_version(1);
  v1::DelRequest& del = *batch.add_operations()->mutable_del();
  const auto fill = [&](auto&... requests) {
    (requests.set_key(KeyBytes(key)), ...);
    (requests.set_without_data(without_data), ...);
  };
  fill(set, test_and_set, wrong, del);
  return batch;
}

std::vector<std::string> Alone(Stub& stub, const v1::BatchRequest& batch) {
  return {Text(Send(stub, &Stub::Set, batch.operations(0).set())),
          Text(Send(stub, &Stub::TestAndSet, batch.operations(1).test_and_set())),
          Text(Send(stub, &Stub::DelVersion, batch.operations(2).del_version())),
          Text(Send(stub, &Stub::Del, batch.operations(3).del()))};
}

std::vector<std::string> Texts(const BatchAnswer& answer) {
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  std::vector<std::string> texts;
  for (const v1::Reply& reply : answer.reply.replies()) {
    texts.push_back(Text({grpc::Status::OK, reply}));
  }
  return texts;
}

TEST_P(Operations, R12b_AnAnswerWithoutDataHasVersionAndTimestamp) {
  const std::vector<std::string> with = {"ERROR (1,10,a)", "SUCCESS (1,10,a)", "ERROR_WV (2,11,b)",
                                         "SUCCESS (2,11,b)"};
  const std::vector<std::string> without = {"ERROR (1,10,)", "SUCCESS (1,10,)", "ERROR_WV (2,11,)",
                                            "SUCCESS (2,11,)"};
  Set(stub(), "1400", 10, "a");
  EXPECT_EQ(Alone(stub(), OneOfEach("1400", true)), without);
  Set(stub(), "1400", 10, "a");
  EXPECT_EQ(Alone(stub(), OneOfEach("1400", false)), with);
  Set(stub(), "1400", 10, "a");
  EXPECT_EQ(Texts(SendBatch(stub(), OneOfEach("1400", true))), without);
  // What is stored has its data.
  Set(stub(), "1400", 10, "a");
  EXPECT_EQ(Text(Get(stub(), "1400")), "SUCCESS (1,10,a)");
}

TEST_P(Operations, R12b_EachOperationOfABatchObeysItsOwnWish) {
  Set(stub(), "1401", 10, "a");
  v1::BatchRequest batch = OneOfEach("1401", true);
  batch.mutable_operations(1)->mutable_test_and_set()->set_without_data(false);
  batch.add_operations()->mutable_get()->set_key(KeyBytes("1401"));
  EXPECT_EQ(Texts(SendBatch(stub(), batch)),
            (std::vector<std::string>{"ERROR (1,10,)", "SUCCESS (1,10,a)", "ERROR_WV (2,11,)",
                                      "SUCCESS (2,11,)", "ERROR NULL"}));
}

TEST_P(Operations, R12b_AReplayObeysTheRequestThatAsks) {
  Set(stub(), "1402", 10, "a");
  v1::DelRequest del;
  del.set_key(KeyBytes("1402"));
  del.mutable_request_id()->set_client("without data.by1");
  del.mutable_request_id()->set_sequence(1);
  del.set_without_data(true);
  EXPECT_EQ(Text(Send(stub(), &Stub::Del, del)), "SUCCESS (1,10,)");
  del.set_without_data(false);
  const CallAnswer again = Send(stub(), &Stub::Del, del);
  EXPECT_EQ(Text(again), "SUCCESS (1,10,a)");
  EXPECT_TRUE(again.reply.replayed());
  del.set_without_data(true);
  EXPECT_EQ(Text(Send(stub(), &Stub::Del, del)), "SUCCESS (1,10,)");
}

TEST_P(Operations, S17_TestAndSetWithoutAValueIsRefusedAndChangesNothing) {
  Set(stub(), "1500", 10, "a");
  v1::TestAndSetRequest request;
  request.set_key(KeyBytes("1500"));
  request.set_version(1);
  const CallAnswer alone = Send(stub(), &Stub::TestAndSet, request);
  EXPECT_EQ(alone.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(alone.applied(), v1::Undecided::NO);
  v1::BatchRequest batch;
  *batch.add_operations()->mutable_test_and_set() = request;
  const BatchAnswer in_batch = SendBatch(stub(), batch);
  EXPECT_EQ(in_batch.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(in_batch.applied(), v1::Undecided::NO);
  EXPECT_EQ(Text(Get(stub(), "1500")), "SUCCESS (1,10,a)");
  // A value that is there and empty is one.
  request.mutable_value();
  EXPECT_EQ(Text(Send(stub(), &Stub::TestAndSet, request)), "SUCCESS (1,10,a)");
  EXPECT_EQ(Text(Get(stub(), "1500")), "SUCCESS (2,0,)");
}

TEST_P(Operations, S17_AConsistencyThatTheServerDoesNotKnowIsRefused) {
  for (const int unknown : {2, 7, -1}) {
    v1::GetRequest request;
    request.set_key(KeyBytes("1501"));
    request.set_consistency(static_cast<v1::Consistency>(unknown));
    EXPECT_EQ(Send(stub(), &Stub::Get, request).status.error_code(), grpc::INVALID_ARGUMENT);
    v1::BatchRequest batch;
    *batch.add_operations()->mutable_get() = request;
    EXPECT_EQ(SendBatch(stub(), batch).status.error_code(), grpc::INVALID_ARGUMENT);
  }
}

TEST_P(Operations, ABatchOfReadsSeesOneMoment) {
  for (int i = 0; i < 2; ++i) Set(stub(), "130" + std::to_string(i), 0, "a");
  std::atomic<bool> ended = false;
  std::jthread writer([&] {
    const absl::Cleanup end = [&] { ended = true; };
    for (int version = 1; version <= 200; ++version) {
      v1::BatchRequest both;
      for (int i = 0; i < 2; ++i) {
        v1::TestAndSetRequest& write = *both.add_operations()->mutable_test_and_set();
        write.set_key(KeyBytes("130" + std::to_string(i)));
        write.set_version(version);
        write.mutable_value();
      }
      const BatchAnswer answer = SendBatch(stub(), both);
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    }
  });
  v1::BatchRequest reads;
  for (int i = 0; i < 2; ++i) {
    reads.add_operations()->mutable_get()->set_key(KeyBytes("130" + std::to_string(i)));
  }
  for (bool last = false; !last;) {
    last = ended;  // then the reads that follow see the last version
    const BatchAnswer answer = SendBatch(stub(), reads);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    const int64_t seen = answer.reply.replies(0).value().version();
    ASSERT_EQ(seen, answer.reply.replies(1).value().version());
    if (last) {
      EXPECT_EQ(seen, 201);
    }
  }
}

}  // namespace
}  // namespace tripla
