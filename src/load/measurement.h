// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "load/histogram.h"
#include "load/workload.h"

namespace tripla::load {

// What the calls of one thread, or of a whole run, came to.
struct Tally {
  // Of all calls, those of the warm-up too.
  uint64_t calls = 0;
  Results results;
  uint64_t errors = 0;   // failed, and surely had no effect
  uint64_t unknown = 0;  // writes that failed and may have had one
  std::map<std::string, uint64_t> error_texts;

  // Of the calls behind the warm-up: of a closed loop those that ended before the end, of an open
  // one those that were to begin before it. Operations: of batches all they hold.
  uint64_t measured_operations = 0;
  Histogram latency;
  std::deque<Histogram> timeline;  // of each kSlice of the measured time, by end

  void Merge(const Tally& other);
};

constexpr std::chrono::milliseconds kSlice{100};

// What a run found.
struct Measurement {
  Tally tally;
  std::chrono::duration<double> measured{};  // how long it was
  uint64_t never_begun = 0;                  // in an open loop: no call was free before the end
  // Of this process, a call of all that it made.
  double cpu_microseconds = 0;
  double switches = 0;
};

}  // namespace tripla::load
