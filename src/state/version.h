// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "state/state_summary.h"

namespace tripla {

struct TreeNode;

// One published state. Immutable; the roots reach only nodes and rows that are immutable too.
struct Version {
  uint64_t number = 0;  // of the publication, one more each time
  const TreeNode* entries = nullptr;
  const TreeNode* ids = nullptr;
  StateSummary summary;
};

}  // namespace tripla
