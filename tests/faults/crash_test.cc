// SPDX-License-Identifier: Apache-2.0
// kill -9 under load (R18): after each restart everything acknowledged is there, nothing is
// invented, and what was in flight is either there or not. Images are written all the while (R16).
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/dose.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

constexpr int kWriters = 8;
constexpr int kKeysPerWriter = 20;

// A state of one key: none is absent.
using State = std::optional<v1::Triple>;

std::string Text(const State& state) { return state ? state->ShortDebugString() : "absent"; }

State StateOf(const CallAnswer& get) {
  return get.reply.has_value() ? State(get.reply.value()) : std::nullopt;
}

// Writes to keys of its own, one call at a time, each with a request id, and keeps books.
class Writer {
 public:
  Writer(int number, uint64_t seed) : number_(number), random_(seed + number) {
    id_.set_client(std::string(15, 'c') + static_cast<char>(number));
  }

  // Writes until a call is not answered.
  void Run(v1::KeyValue::Stub& stub) {
    while (true) {
      in_flight_ = NextWrite();
      const CallAnswer answer = Send(stub);
      if (!answer.status.ok()) return;
      ASSERT_EQ(answer.reply.result(), v1::SUCCESS) << in_flight_->operation.ShortDebugString();
      ASSERT_FALSE(answer.reply.replayed());
      Settle();
    }
  }

  // After a restart: what was acknowledged is there; the write that got no answer was executed or
  // not, and sent again with the same id it is executed exactly once in all.
  void Check(v1::KeyValue::Stub& stub) {
    for (const auto& [key, state] : acknowledged_) {
      if (in_flight_ && key == in_flight_->key) continue;
      ASSERT_EQ(Text(StateOf(Get(stub, key))), Text(state)) << "key " << key;
    }
    if (!in_flight_) return;
    const std::string before = Text(acknowledged_[in_flight_->key]);
    const std::string found = Text(StateOf(Get(stub, in_flight_->key)));
    const std::string after = Text(in_flight_->after);
    ASSERT_TRUE(found == before || found == after)
        << "key " << in_flight_->key << " is " << found << ", it was acknowledged as " << before
        << ", and " << after << " was in flight";
    const CallAnswer again = Send(stub);
    ASSERT_TRUE(again.status.ok()) << again.status.error_message();
    ASSERT_EQ(again.reply.result(), v1::SUCCESS);
    ASSERT_EQ(again.reply.replayed(), found == after);
    ASSERT_EQ(Text(StateOf(Get(stub, in_flight_->key))), after);
    replayed_ += again.reply.replayed() ? 1 : 0;
    Settle();
  }

  int acknowledged() const { return acknowledged_count_; }
  int replayed() const { return replayed_; }

 private:
  struct Write {
    std::string key;
    v1::Operation operation;
    State after;
  };

  // Creates what is absent; changes or removes what is there.
  Write NextWrite() {
    const int index = std::uniform_int_distribution(0, kKeysPerWriter - 1)(random_);
    Write write{.key = std::to_string(number_ * 1000 + index)};
    const State& before = acknowledged_[write.key];
    v1::Triple triple;
    triple.set_version(before ? before->version() + 1 : 1);
    triple.set_timestamp(static_cast<int64_t>(random_()));
    triple.set_data("write " + std::to_string(acknowledged_count_));
    id_.set_sequence(id_.sequence() + 1);
    id_.set_first_unanswered(id_.sequence());
    const auto fill = [&](auto* request) {
      request->set_key(KeyBytes(write.key));
      *request->mutable_request_id() = id_;
      return request;
    };
    if (!before) {
      v1::SetRequest* set = fill(write.operation.mutable_set());
      set->set_timestamp(triple.timestamp());
      set->set_data(triple.data());
      write.after = triple;
    } else if (random_() % 4 == 0) {
      fill(write.operation.mutable_del_version())->set_version(before->version());
    } else {
      v1::TestAndSetRequest* test_and_set = fill(write.operation.mutable_test_and_set());
      test_and_set->set_version(before->version());
      *test_and_set->mutable_value() = triple;
      write.after = triple;
    }
    return write;
  }

  CallAnswer Send(v1::KeyValue::Stub& stub) const {
    using Stub = v1::KeyValue::Stub;
    const v1::Operation& operation = in_flight_->operation;
    if (operation.has_set()) return tripla::Send(stub, &Stub::Set, operation.set());
    if (operation.has_del_version()) {
      return tripla::Send(stub, &Stub::DelVersion, operation.del_version());
    }
    return tripla::Send(stub, &Stub::TestAndSet, operation.test_and_set());
  }

  void Settle() {
    acknowledged_[in_flight_->key] = in_flight_->after;
    in_flight_.reset();
    ++acknowledged_count_;
  }

  const int number_;
  std::mt19937_64 random_;
  v1::RequestId id_;
  std::map<std::string, State> acknowledged_;  // by key
  std::optional<Write> in_flight_;
  int acknowledged_count_ = 0;
  int replayed_ = 0;
};

int Rounds() { return LongDose() ? 2000 : 50; }

TEST(Crash, NothingAcknowledgedIsLostAndNothingIsInvented) {
  const uint64_t seed = Seed();
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
  int replayed = 0;
  for (const auto& writer : writers) {
    acknowledged += writer->acknowledged();
    replayed += writer->replayed();
  }
  std::cout << acknowledged << " writes over " << Rounds() << " crashes, of which " << replayed
            << " were durable but not answered when the server was killed\n";
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
