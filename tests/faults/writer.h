// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/faults/twin.h"
#include "tests/harness/test_server.h"

namespace tripla {

// A state of one key: none is absent. The revision is that of the last change.
struct State {
  std::optional<v1::Triple> triple;
  uint64_t revision = 0;
};

// The end of the data tells which write it is of.
inline std::string Text(const std::optional<v1::Triple>& triple) {
  if (!triple) return "absent";
  constexpr size_t kShown = 40;
  const std::string& data = triple->data();
  return absl::StrCat("version ", triple->version(), ", timestamp ", triple->timestamp(), ", ",
                      data.size(), " bytes, checksum ", std::hash<std::string>{}(data), ", ...",
                      data.substr(data.size() - std::min(data.size(), kShown)));
}
inline std::string Text(const State& state) {
  if (!state.triple) return "absent";
  return absl::StrCat("revision ", state.revision, ", ", Text(state.triple));
}

inline State StateOf(const CallAnswer& get) {
  if (!get.reply.has_value()) return {};
  return {get.reply.value(), get.reply.revision()};
}

// Writes to keys of its own, one call at a time, each with a request id, and keeps books. One key
// in twenty has data of 64 to 512 KiB, so that the log changes segments under load.
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
      ExpectTaken(answer);
      if (testing::Test::HasFatalFailure()) return;
    }
  }

  // Writes until it is told to stop; every call is answered, and as it should be.
  void RunUntil(const std::atomic<bool>& over, v1::KeyValue::Stub& stub) {
    while (!over) {
      in_flight_ = NextWrite();
      const CallAnswer answer = Send(stub);
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
      const std::string key = in_flight_->key;
      ExpectTaken(answer);
      if (testing::Test::HasFatalFailure()) return;
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
    const State found = StateOf(Get(stub, in_flight_->key));
    const bool executed = Text(found.triple) == Text(in_flight_->after);
    ASSERT_TRUE(executed || Text(found) == Text(acknowledged_[in_flight_->key]))
        << "key " << in_flight_->key << " is " << Text(found) << ", it was acknowledged as "
        << Text(acknowledged_[in_flight_->key]) << ", and " << Text(in_flight_->after)
        << " was in flight";
    const CallAnswer again = Send(stub);
    ASSERT_TRUE(again.status.ok()) << again.status.error_message();
    ASSERT_EQ(again.reply.result(), v1::SUCCESS);
    ASSERT_EQ(again.reply.replayed(), executed);
    if (executed) executed_.emplace_back(again.reply.revision(), in_flight_->operation);
    sent_again_.emplace_back(again.reply.revision(), in_flight_->operation);
    replayed_ += executed ? 1 : 0;
    const std::string key = in_flight_->key;
    Settle(again.reply.revision());
    ASSERT_EQ(Text(StateOf(Get(stub, key))), Text(acknowledged_[key])) << "key " << key;
  }

  // Tells the twin what was executed since it was last told.
  void TellTo(Twin& twin) {
    for (auto& [revision, operation] : executed_) twin.Take(revision, std::move(operation));
    for (auto& [revision, operation] : sent_again_) twin.TakeAgain(revision, std::move(operation));
    executed_.clear();
    sent_again_.clear();
  }

  int acknowledged() const { return acknowledged_count_; }
  int replayed() const { return replayed_; }

 private:
  struct Write {
    std::string key;
    v1::Operation operation;
    std::optional<v1::Triple> after;
  };

  // Creates what is absent; changes or removes what is there.
  Write NextWrite() {
    const int index = std::uniform_int_distribution(0, kKeys - 1)(random_);
    Write write{.key = std::to_string(number_ * 1000 + index)};
    const std::optional<v1::Triple>& before = acknowledged_[write.key].triple;
    v1::Triple triple;
    triple.set_version(before ? before->version() + 1 : 1);
    triple.set_timestamp(static_cast<int64_t>(random_()));
    const size_t filling = index == 0 ? (64 + random_() % 448) << 10 : 0;
    triple.set_data(std::string(filling, 'x') + "write " + std::to_string(acknowledged_count_));
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

  // A call that was never sent before: its change is the newest of all that this writer knows of.
  void ExpectTaken(const CallAnswer& answer) {
    ASSERT_EQ(answer.reply.result(), v1::SUCCESS) << in_flight_->key;
    ASSERT_FALSE(answer.reply.replayed());
    executed_.emplace_back(answer.reply.revision(), in_flight_->operation);
    Settle(answer.reply.revision());
  }

  void Settle(uint64_t revision) {
    ASSERT_GT(revision, newest_revision_);
    newest_revision_ = revision;
    acknowledged_[in_flight_->key] = {in_flight_->after, revision};
    in_flight_.reset();
    ++acknowledged_count_;
  }

  const int number_;
  std::mt19937_64 random_;
  v1::RequestId id_;
  std::map<std::string, State> acknowledged_;  // by key
  uint64_t newest_revision_ = 0;
  std::optional<Write> in_flight_;
  // What the twin was not yet told.
  std::vector<std::pair<uint64_t, v1::Operation>> executed_;
  std::vector<std::pair<uint64_t, v1::Operation>> sent_again_;
  int acknowledged_count_ = 0;
  int replayed_ = 0;
};

}  // namespace tripla
