// SPDX-License-Identifier: Apache-2.0
#include "check/patience.h"

#include <algorithm>
#include <memory>

#include "check/sole_client.h"

namespace tripla::check {

using std::chrono::milliseconds;

milliseconds PatienceWith(Trial& trial, milliseconds least) {
  constexpr int kCalls = 3;
  constexpr int kTimes = 4;
  using Clock = std::chrono::steady_clock;
  // The shortest of some: one that waited for an election, say, tells nothing of the next.
  Clock::duration shortest = trial.plan().timeout;
  for (int i = 0; i < kCalls && !trial.Over(); ++i) {
    const Clock::time_point begin = Clock::now();
    const std::unique_ptr<Caller> caller = trial.NewConnections();
    SoleClient(trial, *caller).Do(SetOperation{trial.NewKey(), 1, "before"});
    shortest = std::min(shortest, Clock::now() - begin);
  }
  return std::max(least, std::chrono::ceil<milliseconds>(kTimes * shortest));
}

}  // namespace tripla::check
