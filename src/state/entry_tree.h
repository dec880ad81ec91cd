// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/entry.h"
#include "state/reclaimer.h"
#include "state/versioned_tree.h"

namespace tripla {

// The tree owns one reference to each entry.
template <>
struct RowTraits<Entry> {
  static constexpr Reclaimer::Birth kBirth = Reclaimer::Birth::kRevision;
  static uint64_t BirthOf(const Entry& entry) { return entry.revision(); }
  static void Free(const void* entry) {
    const EntryRef dropped = EntryRef::Adopt(static_cast<const Entry*>(entry));
  }
};

// The map: entries, ordered by their keys as integers.
using EntryTree = VersionedTree<Entry>;

}  // namespace tripla
