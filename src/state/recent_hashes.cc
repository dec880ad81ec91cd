// SPDX-License-Identifier: Apache-2.0
#include "state/recent_hashes.h"

namespace tripla {

void RecentHashes::Note(const StateSummary& summary) {
  const LogIndex index = summary.position.index;
  if (index % kEvery != 0) return;
  MutexLock lock(mutex_);
  hashes_[index] = summary.hash;
  if (hashes_.size() > kKept) hashes_.erase(hashes_.begin());
}

std::map<LogIndex, StateHash> RecentHashes::Get() const {
  MutexLock lock(mutex_);
  return hashes_;
}

}  // namespace tripla
