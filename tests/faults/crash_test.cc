// SPDX-License-Identifier: Apache-2.0
// kill -9 under load (R18): after each restart everything acknowledged is there, nothing is
// invented, and what was in flight is either there or not. Images are written all the while (R16).
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/test_server.h"

namespace tripla {
namespace {

constexpr int kWriters = 8;
constexpr int kKeysPerWriter = 20;

// What one key must be after a crash: the last acknowledged state, or the one a call in flight
// would have made of it.
struct Expected {
  using State = std::optional<v1::Triple>;  // none: absent
  State acknowledged;
  std::optional<State> in_flight;
};

std::string Text(const Expected::State& state) {
  return state ? state->ShortDebugString() : "absent";
}

// Writes to keys of its own, one call at a time, and keeps books.
class Writer {
 public:
  Writer(int number, uint64_t seed) : number_(number), random_(seed + number) {}

  // Writes until a call fails.
  void Run(v1::KeyValue::Stub& stub) {
    while (true) {
      const int index = std::uniform_int_distribution(0, kKeysPerWriter - 1)(random_);
      Expected& expected = keys_[index];
      const std::string key = std::to_string(number_ * 1000 + index);
      const std::string data = "write " + std::to_string(++count_);
      CallAnswer answer;
      if (!expected.acknowledged) {
        expected.in_flight = MakeTriple(1, data);
        answer = Set(stub, key, count_, data);
      } else if (random_() % 4 == 0) {
        expected.in_flight = Expected::State();
        answer = DelVersion(stub, key, expected.acknowledged->version());
      } else {
        const int64_t version = expected.acknowledged->version();
        expected.in_flight = MakeTriple(version + 1, data);
        answer = TestAndSet(stub, key, version, count_, data);
      }
      if (!answer.status.ok()) return;
      ASSERT_EQ(answer.reply.result(), v1::SUCCESS) << "key " << key;
      expected.acknowledged = *expected.in_flight;
      expected.in_flight.reset();
      ++acknowledged_;
    }
  }

  // Compares every key with the books, and takes the server's word for calls that were in flight.
  void Check(v1::KeyValue::Stub& stub) {
    for (auto& [index, expected] : keys_) {
      const std::string key = std::to_string(number_ * 1000 + index);
      const CallAnswer answer = Get(stub, key);
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
      Expected::State found;
      if (answer.reply.has_value()) found = answer.reply.value();
      const bool as_acknowledged = Text(found) == Text(expected.acknowledged);
      const bool as_in_flight = expected.in_flight && Text(found) == Text(*expected.in_flight);
      ASSERT_TRUE(as_acknowledged || as_in_flight)
          << "key " << key << " is " << Text(found) << " but " << Text(expected.acknowledged)
          << " was acknowledged"
          << (expected.in_flight ? " and " + Text(*expected.in_flight) + " in flight" : "");
      expected.acknowledged = found;
      expected.in_flight.reset();
    }
  }

  int acknowledged() const { return acknowledged_; }

 private:
  Expected::State MakeTriple(int64_t version, const std::string& data) const {
    v1::Triple triple;
    triple.set_version(version);
    triple.set_timestamp(count_);
    triple.set_data(data);
    return triple;
  }

  const int number_;
  std::mt19937_64 random_;
  int64_t count_ = 0;
  std::map<int, Expected> keys_;
  std::atomic<int> acknowledged_{0};
};

int Rounds() {
  const char* rounds = std::getenv("TRIPLA_CRASH_ROUNDS");
  return rounds != nullptr ? std::atoi(rounds) : 25;
}

TEST(Crash, NothingAcknowledgedIsLostAndNothingIsInvented) {
  const char* given = std::getenv("TRIPLA_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TRIPLA_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  TemporaryDirectory directory;
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < kWriters; ++i) writers.push_back(std::make_unique<Writer>(i, seed));
  for (int round = 0; round < Rounds(); ++round) {
    TestServer server(directory.path(), {"--snapshot-interval", "50ms"});
    for (auto& writer : writers) writer->Check(server.stub());
    if (testing::Test::HasFatalFailure()) return;
    std::vector<std::thread> threads;
    for (auto& writer : writers) {
      threads.emplace_back([&] { writer->Run(server.stub()); });
    }
    // The moment of the crash is the random input of this test; nothing is awaited by it.
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 150));
    server.Kill();
    for (std::thread& thread : threads) thread.join();
    if (testing::Test::HasFatalFailure()) return;
  }
  int acknowledged = 0;
  for (const auto& writer : writers) acknowledged += writer->acknowledged();
  std::cout << acknowledged << " acknowledged writes over " << Rounds() << " crashes\n";
  EXPECT_GT(acknowledged, 0);
}

TEST(Crash, KilledWhileStartingTwiceInARowLosesNothing) {
  TemporaryDirectory directory;
  {
    TestServer server(directory.path());
    for (int i = 0; i < 1000; ++i) Set(server.stub(), std::to_string(i), i, "data");
    server.Kill();
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 20; ++i) {
    Process starting(TestServer::CommandLine(directory.path(), {"--snapshot-interval", "10ms"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
  }
  TestServer server(directory.path());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(Get(server.stub(), std::to_string(i)).reply.value().timestamp(), i);
  }
}

}  // namespace
}  // namespace tripla
