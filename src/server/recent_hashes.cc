// SPDX-License-Identifier: Apache-2.0
#include "server/recent_hashes.h"

namespace tripla {

void RecentHashes::Note(const StateSummary& summary) {
  MutexLock lock(mutex_);
  hashes_[summary.position.index] = summary.hash;
  if (hashes_.size() > kKept) hashes_.erase(hashes_.begin());
}

std::map<LogIndex, StateHash> RecentHashes::Get() const {
  MutexLock lock(mutex_);
  return hashes_;
}

}  // namespace tripla
