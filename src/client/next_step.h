// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>

#include "client/attempt.h"

namespace tripla {

// How a call stands after an attempt that failed.
struct CallState {
  size_t servers = 1;                    // that can be asked
  std::chrono::microseconds left{0};     // until the call's deadline
  std::chrono::microseconds backoff{0};  // the least wait before a further attempt
};

// What a call does after an attempt that failed.
struct Step {
  bool again = false;      // else the call ends with this failure
  bool elsewhere = false;  // from now on another server is asked, if the call ends or not
  std::chrono::microseconds wait{0};

  friend bool operator==(const Step&, const Step&) = default;
};

[[nodiscard]] Step NextStep(const CallState& state, const AttemptFailure& failed);

}  // namespace tripla
