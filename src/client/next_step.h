// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "client/attempt.h"

namespace tripla {

// The state of a call after a failed attempt.
struct RetryState {
  size_t servers = 1;                    // the number of servers that can be asked
  std::chrono::microseconds left{0};     // until the call's deadline
  std::chrono::microseconds backoff{0};  // the least wait before a further attempt
};

// What a call does after a failed attempt.
struct Step {
  bool again = false;      // otherwise the call ends with this failure
  bool elsewhere = false;  // from now on ask another server, even if this call ends
  std::chrono::microseconds wait{0};

  friend bool operator==(const Step&, const Step&) = default;
};

// Decides whether, where and when to try again.
[[nodiscard]] Step NextStep(const RetryState& state, const AttemptFailure& failed);

}  // namespace tripla
