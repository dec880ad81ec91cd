// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "model/log_position.h"
#include "state/state_summary.h"

namespace tripla {

// The hashes of the state at some recent log indexes. All replicas keep the same indexes, so that
// they can be compared although they are not at the same index at the same time.
//
// Thread-safety: any thread.
class RecentHashes {
 public:
  // The distance between two kept indexes, and their number.
  static constexpr LogIndex kEvery = 1024;
  static constexpr size_t kKept = 64;

  // Whether the hash at this index is kept.
  [[nodiscard]] static bool Wants(LogIndex index) { return index % kEvery == 0; }

  // Keeps the hash of a state at such an index.
  void Note(const StateSummary& summary);

  [[nodiscard]] std::map<LogIndex, StateHash> Get() const;

 private:
  mutable Mutex mutex_;
  std::map<LogIndex, StateHash> hashes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
