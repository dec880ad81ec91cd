// SPDX-License-Identifier: Apache-2.0
#include "load/pace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tripla::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr double kCallsPerSecond = 1000;
constexpr uint64_t kSeed = 7;

class FakeClock {
 public:
  [[nodiscard]] TimePoint Now() const { return now_; }
  void SleepUntil(TimePoint time) { now_ = std::max(now_, time); }
  void Pass(std::chrono::nanoseconds time) { now_ += time; }

 private:
  TimePoint now_{};
};

std::vector<TimePoint> Due(TimePoint end) {
  std::vector<TimePoint> due;
  for (Arrivals arrivals(kCallsPerSecond, {}, kSeed); arrivals.next() < end; arrivals.Advance()) {
    due.push_back(arrivals.next());
  }
  return due;
}

TEST(Pace, ArrivalsArePoisson) {
  const std::vector<TimePoint> due = Due(TimePoint(seconds(100)));
  EXPECT_NEAR(static_cast<double>(due.size()), 100'000, 4 * std::sqrt(100'000));
  // Of exponential gaps 1/e are longer than the mean; of even ones none would be.
  const auto longer = static_cast<double>(std::ranges::count_if(due, [&](const TimePoint& at) {
    return &at != due.data() && at - *(&at - 1) > milliseconds(1);
  }));
  EXPECT_NEAR(longer / static_cast<double>(due.size()), std::exp(-1), 0.01);
}

TEST(Pace, EachCallBeginsWhenItIsDue) {
  FakeClock clock;
  std::vector<TimePoint> began;
  const auto begin = [&](TimePoint intended) {
    EXPECT_EQ(clock.Now(), intended);
    began.push_back(intended);
    return true;
  };
  EXPECT_EQ(Pace(Arrivals(kCallsPerSecond, {}, kSeed), clock, TimePoint(seconds(1)), begin), 0u);
  EXPECT_EQ(began, Due(TimePoint(seconds(1))));
}

TEST(Pace, AStallMovesNoIntendedStart) {
  FakeClock clock;
  std::vector<TimePoint> intended;
  std::chrono::nanoseconds latest{};
  const auto begin = [&](TimePoint at) {
    intended.push_back(at);
    latest = std::max(latest, std::chrono::nanoseconds(clock.Now() - at));
    if (intended.size() == 100) clock.Pass(milliseconds(250));  // no call can be made so long
    return true;
  };
  EXPECT_EQ(Pace(Arrivals(kCallsPerSecond, {}, kSeed), clock, TimePoint(seconds(1)), begin), 0u);
  EXPECT_EQ(intended, Due(TimePoint(seconds(1))));
  EXPECT_GT(latest,
            milliseconds(240));  // a closed loop would not have seen it in more than one call
}

TEST(Pace, WhatCannotBeBegunBeforeTheEndIsCounted) {
  FakeClock clock;
  uint64_t begun = 0;
  const auto begin = [&](TimePoint) {
    clock.Pass(milliseconds(2));  // twice as long as there is
    ++begun;
    return true;
  };
  const uint64_t never =
      Pace(Arrivals(kCallsPerSecond, {}, kSeed), clock, TimePoint(seconds(1)), begin);
  EXPECT_NEAR(static_cast<double>(begun), 500, 10);
  EXPECT_EQ(begun + never, Due(TimePoint(seconds(1))).size());
}

}  // namespace
}  // namespace tripla::load
