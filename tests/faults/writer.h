// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "tests/harness/test_server.h"

namespace tripla {

// A state of one key: none is absent.
using State = std::optional<v1::Triple>;

inline std::string Text(const State& state) { return state ? state->ShortDebugString() : "absent"; }

inline State StateOf(const CallAnswer& get) {
  return get.reply.has_value() ? State(get.reply.value()) : std::nullopt;
}

// Writes to keys of its own, one call at a time, each with a request id, and keeps books.
//
// Thread-safety: one thread.
class Writer {
 public:
  static constexpr int kKeys = 20;

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

  // Writes until it is told to stop; every call is answered, and as it should be.
  void RunUntil(const std::atomic<bool>& over, v1::KeyValue::Stub& stub) {
    while (!over) {
      in_flight_ = NextWrite();
      const CallAnswer answer = Send(stub);
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
      ASSERT_EQ(answer.reply.result(), v1::SUCCESS) << in_flight_->operation.ShortDebugString();
      ASSERT_FALSE(answer.reply.replayed());
      const std::string key = in_flight_->key;
      Settle();
      ASSERT_EQ(Text(StateOf(Get(stub, key))), Text(acknowledged_[key])) << "key " << key;
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
    const int index = std::uniform_int_distribution(0, kKeys - 1)(random_);
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
    constexpr std::chrono::minutes kPatience{2};
    const v1::Operation& operation = in_flight_->operation;
    if (operation.has_set()) return tripla::Send(stub, &Stub::Set, operation.set(), kPatience);
    if (operation.has_del_version()) {
      return tripla::Send(stub, &Stub::DelVersion, operation.del_version(), kPatience);
    }
    return tripla::Send(stub, &Stub::TestAndSet, operation.test_and_set(), kPatience);
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

}  // namespace tripla
