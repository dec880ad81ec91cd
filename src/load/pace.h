// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace tripla::load {

using TimePoint = std::chrono::steady_clock::time_point;

// When calls arrive in an open loop: a Poisson process, as of very many clients that know nothing
// of each other. It is fixed beforehand, so a server that stalls cannot make it wait.
class Arrivals {
 public:
  Arrivals(double calls_per_second, TimePoint begin, uint64_t seed)
      : random_(seed), gap_seconds_(calls_per_second), next_(begin) {
    Advance();
  }

  [[nodiscard]] TimePoint next() const { return next_; }
  void Advance() {
    const std::chrono::duration<double> gap(gap_seconds_(random_));
    next_ += std::chrono::duration_cast<std::chrono::nanoseconds>(gap);
  }

 private:
  std::mt19937_64 random_;
  std::exponential_distribution<double> gap_seconds_;
  TimePoint next_;
};

// Calls `begin(intended)` for each arrival before `end`, no earlier than it is due; begin() may
// wait until a call can be made, and returns false when none can any more. Calls that begin late
// keep the time they were intended for, so what a client would have waited is measured (no
// coordinated omission). Returns how many were due and never begun.
//
// `clock` has Now() and SleepUntil(TimePoint).
template <typename Clock, typename Begin>
uint64_t Pace(Arrivals arrivals, Clock& clock, TimePoint end, Begin begin) {
  for (; arrivals.next() < end && clock.Now() < end; arrivals.Advance()) {
    clock.SleepUntil(arrivals.next());
    if (!begin(arrivals.next())) break;
  }
  uint64_t never_begun = 0;
  const TimePoint due = std::min(end, clock.Now());
  for (; arrivals.next() < due; arrivals.Advance()) ++never_begun;
  return never_begun;
}

}  // namespace tripla::load
