// SPDX-License-Identifier: Apache-2.0
// The client library and a real server: what became of a write (S21), many writers of few keys
// (S23, S28), many Batches at once (S11).
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/process.h"
#include "tests/harness/test_server.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using Kind = Resolved::Kind;
using Stub = v1::KeyValue::Stub;

constexpr milliseconds kLong{60'000};  // longer than any test should take
constexpr int kThreads = 8;

const std::string kName = "0123456789abcdef";
const std::string kNameText = "30313233343536373839616263646566";

Key K(int64_t number) { return *Key::Parse(std::to_string(number)); }

class Library : public testing::Test {
 protected:
  TemporaryDirectory directory_;
  TestServer server_{directory_.path(), {"--fsync", "never"}};
  Client client_{{.endpoints = {server_.endpoint()}, .deadline = kLong}};

  Resolved ResolveOne(uint64_t sequence) {
    const Answer<std::vector<Resolved>> answer =
        client_.Resolve(fmt::format("{}-{}", kNameText, sequence));
    if (!answer.ok()) {
      ADD_FAILURE() << answer.failure().ToText();
      return {};
    }
    return answer->front();
  }

  static v1::RequestId Id(uint64_t sequence, uint64_t first_unanswered = 0) {
    v1::RequestId id;
    id.set_client(kName);
    id.set_sequence(sequence);
    id.set_first_unanswered(first_unanswered);
    id.set_attempt(1);
    return id;
  }

  CallAnswer SendSet(uint64_t sequence, const std::string& data, uint64_t first_unanswered = 0) {
    v1::SetRequest request;
    request.set_key(KeyBytes("1"));
    request.set_timestamp(7);
    request.set_data(data);
    *request.mutable_request_id() = Id(sequence, first_unanswered);
    return Send(server_.stub(), &Stub::Set, request);
  }

  // Each thread does `work` with its number.
  static void InThreads(const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
  }
};

TEST_F(Library, ResolveTellsHowAWriteWasDecided) {
  ASSERT_TRUE(SendSet(3, "a").status.ok());
  const CallAnswer second = SendSet(4, "b");
  ASSERT_EQ(second.reply.result(), v1::ERROR);
  for (int i = 0; i < 2; ++i) {
    const Resolved success = ResolveOne(3);
    ASSERT_EQ(success.kind, Kind::kDecided);
    ASSERT_TRUE(success.decided);
    EXPECT_EQ(success.decided->result, Result::kSuccess);
    EXPECT_EQ(success.decided->revision, 1u);
    const Resolved error = ResolveOne(4);
    ASSERT_TRUE(error.decided);
    EXPECT_EQ(error.decided->result, Result::kError);
    EXPECT_EQ(error.decided->value, (Triple{1, 7, ""})) << "without its data";
  }
  EXPECT_EQ(Get(server_.stub(), "1").reply.value().data(), "a") << "and changes nothing";
}

TEST_F(Library, AWriteThatWasResolvedAsNotAppliedIsRefusedWhenItStillComes) {
  EXPECT_EQ(ResolveOne(5).kind, Kind::kNotApplied);
  EXPECT_EQ(ResolveOne(5).kind, Kind::kNotApplied) << "asked twice, as told once";
  const CallAnswer late = SendSet(5, "late");
  EXPECT_EQ(late.status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(late.applied(), v1::Undecided::NO);
  EXPECT_EQ(Get(server_.stub(), "1").reply.result(), v1::ERROR);
  EXPECT_EQ(ResolveOne(5).kind, Kind::kNotApplied);
}

TEST_F(Library, ResolveSaysWhatTheDatabaseHasForgotten) {
  ASSERT_TRUE(SendSet(3, "a").status.ok());
  ASSERT_TRUE(SendSet(6, "b", /*first_unanswered=*/6).status.ok());
  EXPECT_EQ(ResolveOne(3).kind, Kind::kForgotten);
  EXPECT_EQ(ResolveOne(6).kind, Kind::kDecided);
}

TEST_F(Library, ABatchIsResolvedOperationByOperation) {
  v1::BatchRequest batch;
  for (const uint64_t sequence : {8, 10}) {
    v1::DelRequest& del = *batch.add_operations()->mutable_del();
    del.set_key(KeyBytes("2"));
    *del.mutable_request_id() = Id(sequence);
  }
  ASSERT_TRUE(SendBatch(server_.stub(), batch).status.ok());
  const Answer<std::vector<Resolved>> answer = client_.Resolve(kNameText + "-8..10");
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->size(), 3u);
  EXPECT_EQ((*answer)[0].decided->result, Result::kError);
  EXPECT_EQ((*answer)[1].kind, Kind::kNotApplied);
  EXPECT_EQ((*answer)[2].decided->result, Result::kError);
}

// S23: eight threads without waits needed 11,791 retries for this.
TEST_F(Library, EightThreadsSellTwoThousandUnitsOfOneKey) {
  constexpr int kUnits = 2000;
  ASSERT_TRUE(client_.Set(K(1), 0, std::to_string(kUnits)).ok());
  std::atomic<int> sold = 0, lost = 0;
  const auto began = std::chrono::steady_clock::now();
  InThreads([&](int) {
    while (true) {
      const Answer<Updated> updated = client_.Update(K(1), [](const std::optional<Triple>& stored) {
        const int left = std::stoi(stored->data);
        return left == 0 ? Change::Nothing() : Change::Write(0, std::to_string(left - 1));
      });
      ASSERT_TRUE(updated.ok()) << updated.failure().ToText();
      lost += updated->lost;
      if (updated->done == Change::Kind::kNothing) return;
      ++sold;
    }
  });
  const auto took =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
  EXPECT_EQ(sold, kUnits);
  EXPECT_EQ(client_.Get(K(1))->value->data, "0");
  EXPECT_EQ(client_.Get(K(1))->value->version, kUnits + 1);
  std::cout << fmt::format("{} sold, {} lost races, {} ms\n", sold.load(), lost.load(),
                           took.count());
}

// S28: read, decide, write on keys of which few are hot, as YCSB draws them.
TEST_F(Library, ManyWritersOfFewHotKeysLoseNoUpdate) {
  constexpr int kKeys = 100;
  constexpr int kUpdatesOfEach = 250;
  std::vector<double> weights;
  for (int rank = 1; rank <= kKeys; ++rank) weights.push_back(std::pow(rank, -0.99));
  std::atomic<int> lost = 0;
  InThreads([&](int number) {
    std::mt19937 chance(static_cast<unsigned>(number));
    std::discrete_distribution<int> zipfian(weights.begin(), weights.end());
    for (int i = 0; i < kUpdatesOfEach; ++i) {
      const Answer<Updated> updated =
          client_.Update(K(zipfian(chance)), [](const std::optional<Triple>& stored) {
            return Change::Write(0, std::to_string(stored ? std::stoi(stored->data) + 1 : 1));
          });
      ASSERT_TRUE(updated.ok()) << updated.failure().ToText();
      lost += updated->lost;
    }
  });
  int sum = 0;
  for (int key = 0; key < kKeys; ++key) {
    const Answer<Decided> stored = client_.Get(K(key));
    if (stored->value) sum += std::stoi(stored->value->data);
  }
  EXPECT_EQ(sum, kThreads * kUpdatesOfEach);
  std::cout << fmt::format("{} updates, {} lost races\n", sum, lost.load());
}

// S11: nine of 48 such Batches were refused as forgotten.
TEST_F(Library, BatchesOfTheLargestSizeByManyThreadsAreNeverRefusedAsForgotten) {
  InThreads([&](int number) {
    for (int round = 0; round < 3; ++round) {
      std::vector<Operation> operations;
      for (int i = 0; i < 10'000; ++i) {
        operations.emplace_back(SetOperation{K((number * 3 + round) * 10'000 + i), 0, "a"});
      }
      const Answer<std::vector<Decided>> answers = client_.Batch(operations);
      ASSERT_TRUE(answers.ok()) << answers.failure().ToText();
      for (const Decided& one : *answers) ASSERT_EQ(one.result, Result::kSuccess);
    }
  });
}

}  // namespace
}  // namespace tripla
