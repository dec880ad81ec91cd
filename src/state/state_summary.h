// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "model/level.h"
#include "model/log_position.h"

namespace tripla {

// A 128-bit sum over everything in a state, in any order (design 11): equal states have equal
// hashes. Little-endian; 0 for the empty state.
using StateHash = std::array<uint8_t, 16>;

// One state in a few numbers. Part of every image.
struct StateSummary {
  LogPosition position;   // of the last batch applied
  uint64_t revision = 0;  // changes so far; adds one with each, never repeats (R9)
  uint64_t keys = 0;
  uint64_t payload_bytes = 0;  // keys (ordered form) and data of all entries
  uint64_t sessions = 0;       // clients whose request ids are remembered
  uint64_t answers = 0;        // request ids remembered
  uint64_t runs = 0;           // of request ids whose answers were dropped
  uint64_t use_counter = 0;    // last SessionRow::last_use given out
  // The highest sequence of any client that was ever forgotten; 0: none was (R13a).
  uint64_t forgotten_through = 0;
  Level level = kFirstLevel;
  // Of all answers with their data. Not in images: it follows from their rows.
  uint64_t answer_bytes = 0;
  StateHash hash{};

  friend bool operator==(const StateSummary&, const StateSummary&) = default;
};

}  // namespace tripla
