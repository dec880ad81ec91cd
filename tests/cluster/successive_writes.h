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
  std::chrono::milliseconds pause{0};  // between two writes
};

// Clients that replace an entry of their own, over and over, each time the version that they wrote
// last: a write that is lost, or applied twice, makes the next one fail.
//
// Thread-safety: one thread.
class SuccessiveWrites {
 public:
  explicit SuccessiveWrites(const std::vector<std::string>& endpoints,
                            SuccessiveWritesOptions options = {})
      : options_(options), written_(options.clients) {
    for (int i = 0; i < options_.clients; ++i) {
      clients_.emplace_back([this, endpoints, i] { Run(endpoints, i); });
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

  // After the end.
  int64_t count() const {
    int64_t count = 0;
    for (const int64_t each : written_) count += each;
    return count;
  }

 private:
  Key KeyOf(int i) const { return *Key::Parse(std::to_string(options_.first_key + i)); }
  std::string DataOf(int64_t version) const {
    return std::string(options_.data_bytes, 'x') + std::to_string(version);
  }

  void Run(const std::vector<std::string>& endpoints, int i) {
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
  std::vector<int64_t> written_;  // each client has its own element; read after the end
  std::vector<std::thread> clients_;
};

}  // namespace tripla
