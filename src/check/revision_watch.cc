// SPDX-License-Identifier: Apache-2.0
#include "check/revision_watch.h"

#include <fmt/core.h>

#include <algorithm>

namespace tripla::check {

RevisionWatch::Asked::Asked(RevisionWatch& watch) : watch_(watch) {
  const MutexLock lock(watch_.mutex_);
  told_before_ = watch_.highest_;
  watch_.running_.insert(told_before_);
}

RevisionWatch::Asked::~Asked() {
  const MutexLock lock(watch_.mutex_);
  watch_.running_.erase(watch_.running_.find(told_before_));
  const uint64_t lowest = watch_.running_.empty() ? watch_.highest_ : *watch_.running_.begin();
  watch_.changes_.erase(watch_.changes_.begin(), watch_.changes_.upper_bound(lowest));
}

std::optional<std::string> RevisionWatch::Asked::Change(uint64_t revision) const {
  const MutexLock lock(watch_.mutex_);
  watch_.highest_ = std::max(watch_.highest_, revision);
  if (revision <= told_before_) {
    return fmt::format("revision {} for a change asked for after revision {} had been told",
                       revision, told_before_);
  }
  if (!watch_.changes_.insert(revision).second) {
    return fmt::format("revision {} for two changes", revision);
  }
  return std::nullopt;
}

std::optional<std::string> RevisionWatch::Asked::Absent(uint64_t revision) const {
  const MutexLock lock(watch_.mutex_);
  watch_.highest_ = std::max(watch_.highest_, revision);
  if (revision >= told_before_) return std::nullopt;
  return fmt::format("revision {} for an absent key, asked for after revision {} had been told",
                     revision, told_before_);
}

void RevisionWatch::Asked::Stored(uint64_t revision) const {
  const MutexLock lock(watch_.mutex_);
  watch_.highest_ = std::max(watch_.highest_, revision);
}

}  // namespace tripla::check
