// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "model/log_position.h"
#include "state/state_summary.h"

namespace tripla {

// The hash that the state had at some of the last places of the log, so that replicas which are not
// at the same place at the same time can be compared: all keep those of the same places.
//
// Thread-safety: any thread.
class RecentHashes {
 public:
  // Between two places that are kept, and how many are.
  static constexpr LogIndex kEvery = 1024;
  static constexpr size_t kKept = 64;

  // Whether the state at this place is wanted.
  [[nodiscard]] static bool Wants(LogIndex index) { return index % kEvery == 0; }

  // Keeps the hash of a state at a place that is wanted.
  void Note(const StateSummary& summary);

  [[nodiscard]] std::map<LogIndex, StateHash> Get() const;

 private:
  mutable Mutex mutex_;
  std::map<LogIndex, StateHash> hashes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
