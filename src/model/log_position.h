// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace tripla {

// The number of a Batch in the log: 1 for the first, 0 for "before the first".
using LogIndex = uint64_t;

// A position in the log that replicas agree on. A local log has term 0.
struct LogPosition {
  uint64_t term = 0;
  LogIndex index = 0;

  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

}  // namespace tripla
