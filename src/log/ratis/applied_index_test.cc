// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/applied_index.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "model/limits.h"

namespace tripla {
namespace {

TEST(AppliedIndex, CallsAtOnceWhenReachedAndLaterWhenNot) {
  AppliedIndex applied;
  applied.Advance(5);
  std::vector<int> called;
  applied.Await(5, [&](const absl::Status& status) {
    EXPECT_TRUE(status.ok());
    called.push_back(5);
  });
  applied.Await(7, [&](const absl::Status&) { called.push_back(7); });
  applied.Await(6, [&](const absl::Status&) { called.push_back(6); });
  EXPECT_EQ(called, std::vector<int>({5}));
  applied.Advance(6);
  EXPECT_EQ(called, std::vector<int>({5, 6}));
  applied.Advance(9);
  EXPECT_EQ(called, std::vector<int>({5, 6, 7}));
}

TEST(AppliedIndex, SendsAwayThoseWhoWaitWhenItStops) {
  AppliedIndex applied;
  absl::Status before, after;
  applied.Await(1, [&](absl::Status status) { before = std::move(status); });
  applied.Stop();
  applied.Await(1, [&](absl::Status status) { after = std::move(status); });
  EXPECT_TRUE(absl::IsUnavailable(before));
  EXPECT_TRUE(absl::IsUnavailable(after));
}

TEST(AppliedIndex, R14_SoManyWaitAndNoMore) {
  AppliedIndex applied;
  size_t served = 0;
  size_t refused = 0;
  for (size_t i = 0; i < limits::kWaitingReadsMax + 2; ++i) {
    applied.Await(1, [&](const absl::Status& status) {
      status.ok() ? ++served : ++refused;
      EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
    });
  }
  EXPECT_EQ(refused, 2u);
  applied.Advance(1);
  EXPECT_EQ(served, limits::kWaitingReadsMax);
}

TEST(AppliedIndex, ForgetsNobodyWhoComesWhileItAdvances) {
  constexpr LogIndex kLast = 20'000;
  AppliedIndex applied;
  std::atomic<LogIndex> answered{0};
  std::vector<std::thread> waiting;
  for (int thread = 0; thread < 3; ++thread) {
    waiting.emplace_back([&] {
      for (LogIndex index = 1; index <= kLast; ++index) {
        applied.Await(index, [&, index](const absl::Status&) {
          EXPECT_GE(applied.get(), index);
          ++answered;
        });
      }
    });
  }
  for (LogIndex index = 1; index <= kLast; ++index) applied.Advance(index);
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(answered, 3 * kLast);
}

}  // namespace
}  // namespace tripla
