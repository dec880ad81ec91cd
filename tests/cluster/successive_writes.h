// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tripla/client.h"

namespace tripla {

// How the clients of SuccessiveWrites behave.
struct SuccessiveWritesOptions {
  int clients = 3;
  int first_key = 0;  // each client has one
  // Of each value, which so fills the log. With none it is the version alone.
  size_t data_bytes = 0;
  // Of each call, with all its attempts. No call may take longer.
  std::chrono::seconds patience{5};
  // Whether a write may be refused, as long as it surely was not applied.
  bool refusals = false;
  std::chrono::milliseconds pause{0};  // between two writes, and between two reads
  // Whether each server is read from as well, by a client that asks no other one.
  bool readers = false;
};

// Clients that replace an entry of their own, over and over, each time the version that they wrote
// last: a write that is lost, or applied twice, makes the next one fail. Beside them, readers
// expect what was acknowledged before they asked, or something newer (R11).
//
// Thread-safety: one thread.
class SuccessiveWrites {
 public:
  explicit SuccessiveWrites(const std::vector<std::string>& endpoints,
                            SuccessiveWritesOptions options = {})
      : options_(options), written_(options.clients) {
    for (int i = 0; i < options_.clients; ++i) {
      clients_.emplace_back([this, endpoints, i] { Write(endpoints, i); });
    }
    if (!options_.readers) return;
    for (const std::string& endpoint : endpoints) {
      clients_.emplace_back([this, endpoint] { Read(endpoint); });
    }
  }
  ~SuccessiveWrites() { End(); }

  // Returns when the last calls are answered.
  void End() {
    enough_ = true;
    for (std::thread& client : clients_) {
      if (client.joinable()) client.join();
    }
  }

  // After the end: what was acknowledged last is what this server holds.
  void ExpectAllAt(const std::string& endpoint) const {
    Client client({.endpoints = {endpoint}, .deadline = options_.patience});
    for (int i = 0; i < options_.clients; ++i) {
      const Answer<Decided> found = client.Get(KeyOf(i));
      ASSERT_TRUE(found.ok()) << found.failure().message;
      ASSERT_TRUE(found->value.has_value());
      EXPECT_EQ(found->value->version, written_[i]);
      EXPECT_EQ(found->value->data, DataOf(written_[i]));
    }
  }

  // How many writes there were so far.
  int64_t count() const {
    int64_t count = 0;
    for (const std::atomic<int64_t>& each : written_) count += each;
    return count;
  }
  // How many reads were answered so far.
  int64_t reads() const { return reads_; }

 private:
  Key KeyOf(int i) const { return *Key::Parse(std::to_string(options_.first_key + i)); }
  std::string DataOf(int64_t version) const {
    return std::string(options_.data_bytes, 'x') + std::to_string(version);
  }

  void Write(const std::vector<std::string>& endpoints, int i) {
    Client client({.endpoints = endpoints, .deadline = options_.patience});
    for (int64_t version = 0; !enough_;) {
      const std::string data = DataOf(version + 1);
      const Answer<Decided> answer = version == 0 ? client.Set(KeyOf(i), 0, data)
                                                  : client.TestAndSet(KeyOf(i), 0, data, version);
      if (answer.ok()) {
        ASSERT_EQ(answer->result, Result::kSuccess)
            << "an acknowledged write is lost, or one was applied twice: client " << i
            << " has written version " << version << ", there is version "
            << (answer->value ? answer->value->version : 0);
        written_[i] = ++version;
      } else {
        ASSERT_TRUE(options_.refusals) << answer.failure().ToText();
        ASSERT_NO_FATAL_FAILURE(version += WritesOf(client, answer.failure()));
        written_[i] = version;
      }
      std::this_thread::sleep_for(options_.pause);
    }
  }

  // A leader that was cut off must be asked while it still takes itself for one: a read that fails
  // is soon followed by the next.
  void Read(const std::string& endpoint) {
    Client client({.endpoints = {endpoint}, .deadline = std::chrono::milliseconds(300)});
    for (int i = 0; !enough_; i = (i + 1) % options_.clients) {
      const int64_t acknowledged = written_[i];
      const Answer<Decided> answer = client.Get(KeyOf(i));
      if (answer.ok()) {
        ASSERT_GE(answer->value ? answer->value->version : 0, acknowledged)
            << endpoint << " answers what was replaced before it was asked, for client " << i;
        ++reads_;
      }
      std::this_thread::sleep_for(options_.pause);
    }
  }

  // How many writes, none or one, a call without a decision made.
  static int WritesOf(Client& client, const Failure& failure) {
    std::string why = failure.ToText();
    if (failure.code == absl::StatusCode::kResourceExhausted) {
      if (failure.applied == Failure::Applied::kNo) return 0;
      if (failure.applied == Failure::Applied::kYes) return 1;
      const auto resolved = client.Resolve(failure.request);
      if (resolved.ok() && resolved->front().kind != Resolved::Kind::kForgotten) {
        return resolved->front().kind == Resolved::Kind::kDecided ? 1 : 0;
      }
      if (!resolved.ok()) why += "; " + resolved.failure().ToText();
    }
    ADD_FAILURE() << why;
    return 0;
  }

  const SuccessiveWritesOptions options_;
  std::atomic<bool> enough_{false};
  std::atomic<int64_t> reads_{0};
  std::vector<std::atomic<int64_t>> written_;  // the version that each client's entry has
  std::vector<std::thread> clients_;
};

}  // namespace tripla
