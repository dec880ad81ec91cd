// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "check/history.h"

namespace tripla::check {

// A small part of a history of one key that no order explains, whatever happened around it.
struct Fragment {
  bool from_absent = false;  // the key was absent before it; else it may have held anything
  History calls;

  // Many lines, for people.
  [[nodiscard]] std::string ToText() const;
};

// Of calls that are not linearizable, all of one key that was absent before them.
//
// The fragment ends where the history first goes wrong, begins as late as that allows, and leaves
// out every call that neither changes the entry nor matters. Each of these asks less than the whole
// history does: what overlaps the fragment's ends keeps no more than its possible effect.
// Where that is not found out, it is larger than it would have to be.
[[nodiscard]] Fragment FindViolation(std::span<const HistoryCall> calls);

}  // namespace tripla::check
