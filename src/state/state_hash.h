// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/entry.h"
#include "state/id_row.h"
#include "state/state_summary.h"

namespace tripla {

// The running sum of StateSummary::hash: XXH3-128 of each entry, of each row of the memory of
// request ids, of forgotten_through and of the level, added modulo 2^128. The order of additions
// and removals does not matter (design 11).
//
// Thread-safety: a value; const calls may overlap.
class StateHashSum {
 public:
  StateHashSum() = default;
  explicit StateHashSum(const StateHash& hash);

  void Add(const Entry& entry);
  void Remove(const Entry& entry);
  void Add(const IdRow& row);
  void Remove(const IdRow& row);
  // Replaces the value of StateSummary::forgotten_through; 0 adds nothing.
  void ReplaceForgotten(uint64_t before, uint64_t now);
  // Replaces the value of StateSummary::level; kFirstLevel adds nothing.
  void ReplaceLevel(Level before, Level now);

  [[nodiscard]] StateHash value() const;

 private:
  uint64_t low_ = 0;
  uint64_t high_ = 0;
};

}  // namespace tripla
