// SPDX-License-Identifier: Apache-2.0
#include "rpc/memory_budget.h"

#include <gtest/gtest.h>

namespace tripla::rpc {
namespace {

using std::chrono::seconds;
using Clock = MemoryBudget::Clock;

constexpr size_t kMiB = size_t{1} << 20;

// An account that counts how often it was called.
struct Holder {
  explicit Holder(MemoryBudget& budget)
      : account(budget, {.cut = [this](size_t bytes) { ++cuts, cut_bytes = bytes; },
                         .room = [this] { ++rooms; }}) {}
  int cuts = 0;
  size_t cut_bytes = 0;
  int rooms = 0;
  MemoryBudget::Account account;
};

class Budget : public testing::Test {
 protected:
  const Clock::time_point now_ = Clock::now();
  MemoryBudget budget_{10 * kMiB};
  Holder first_{budget_};
  Holder second_{budget_};
  Holder third_{budget_};
};

TEST_F(Budget, WithinItNobodyIsCutOff) {
  first_.account.Hold(5 * kMiB, now_);
  second_.account.Hold(5 * kMiB, now_);
  EXPECT_EQ(budget_.bytes(), 10 * kMiB);
  EXPECT_EQ(first_.cuts + second_.cuts, 0);
}

TEST_F(Budget, AboveItWhatIsDueFirstIsCutOffOnce) {
  first_.account.Hold(4 * kMiB, now_ + seconds(9));
  second_.account.Hold(4 * kMiB, now_ + seconds(5));
  third_.account.Hold(4 * kMiB, now_ + seconds(7));
  EXPECT_EQ(second_.cuts, 1);
  EXPECT_EQ(second_.cut_bytes, 2 * kMiB) << "what is too much";
  EXPECT_TRUE(budget_.IsOver());
  second_.account.Hold(0, Clock::time_point::max());
  EXPECT_FALSE(budget_.IsOver());
  third_.account.Hold(8 * kMiB, now_ + seconds(7));
  EXPECT_EQ(first_.cuts, 0);
  EXPECT_EQ(second_.cuts, 1);
  EXPECT_EQ(third_.cuts, 1);
}

TEST_F(Budget, ALargeOneHasMoreTimeThanASmallOne) {
  EXPECT_EQ(MemoryBudget::Due(now_, 0), now_ + seconds(5));
  EXPECT_GE(MemoryBudget::Due(now_, 16 * kMiB), now_ + seconds(5 + 16));
}

TEST_F(Budget, WhatCannotBeCutOffIsNot) {
  first_.account.Hold(20 * kMiB, Clock::time_point::max());
  EXPECT_EQ(first_.cuts, 0);
}

TEST_F(Budget, AsManyAreCutOffAsItTakes) {
  first_.account.Hold(5 * kMiB, now_ + seconds(1));
  second_.account.Hold(4 * kMiB, now_ + seconds(2));
  third_.account.Hold(8 * kMiB, now_ + seconds(3));
  EXPECT_EQ(first_.cut_bytes, 5 * kMiB);
  EXPECT_EQ(second_.cut_bytes, 2 * kMiB);
  EXPECT_EQ(third_.cuts, 0);
}

TEST_F(Budget, OneMessageMayBeLargerAndNobodyIsCutOffForIt) {
  first_.account.Hold(1 * kMiB, now_);
  EXPECT_TRUE(second_.account.TryMore(50 * kMiB));
  EXPECT_FALSE(third_.account.TryMore(1)) << "only one";
  second_.account.Hold(50 * kMiB, now_ + seconds(50));
  first_.account.Hold(9 * kMiB, now_);
  EXPECT_EQ(first_.cuts, 0);
  second_.account.EndMore();
  second_.account.Hold(0, Clock::time_point::max());
  EXPECT_EQ(third_.rooms, 1);
}

TEST_F(Budget, WhoWaitsIsCalledWhenThereIsRoom) {
  EXPECT_TRUE(first_.account.TryMore(8 * kMiB));
  EXPECT_FALSE(second_.account.TryMore(4 * kMiB));
  EXPECT_EQ(second_.rooms, 0);
  first_.account.EndMore();
  first_.account.Hold(0, now_);
  EXPECT_EQ(second_.rooms, 1);
  EXPECT_TRUE(second_.account.TryMore(4 * kMiB));
}

TEST_F(Budget, TheOverdueAreCutOffOnlyWhileSomebodyWaits) {
  EXPECT_TRUE(first_.account.TryMore(8 * kMiB));
  first_.account.Hold(8 * kMiB, now_);
  second_.account.Hold(1 * kMiB, now_ + seconds(10));
  budget_.CutOverdue(now_ + seconds(1));
  EXPECT_EQ(first_.cuts, 0);
  EXPECT_FALSE(third_.account.TryMore(4 * kMiB));
  EXPECT_EQ(first_.cuts, 0) << "not before they are due";
  budget_.CutOverdue(now_ + seconds(1));
  EXPECT_EQ(first_.cuts, 1);
  EXPECT_EQ(second_.cuts, 0);
}

TEST_F(Budget, AnAccountThatGoesGivesBackWhatItHeldAndWaitsNoMore) {
  {
    Holder gone(budget_);
    EXPECT_TRUE(gone.account.TryMore(8 * kMiB));
    gone.account.Hold(8 * kMiB, now_);
    EXPECT_FALSE(first_.account.TryMore(4 * kMiB));
    EXPECT_FALSE(gone.account.TryMore(4 * kMiB));
  }
  EXPECT_GE(first_.rooms, 1);
  EXPECT_EQ(budget_.bytes(), 0u);
}

}  // namespace
}  // namespace tripla::rpc
