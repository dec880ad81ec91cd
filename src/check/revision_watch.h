// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla::check {

// What the contract says of revisions over all keys and clients: every change gets a new one, above
// all that were told before the change was asked for; a read of an absent key tells no less than
// what was told before it was asked.
//
//   const RevisionWatch::Asked asked(watch);
//   ... send, be told ...
//   if (auto wrong = asked.Change(reply.revision)) Complain(*wrong);
//
// Memory: revisions of changes that overlap calls still running.
//
// Thread-safety: all methods may be called from any thread.
class RevisionWatch {
 public:
  // One call, from before it is sent. Lives until it was told.
  class Asked {
   public:
    explicit Asked(RevisionWatch& watch);
    ~Asked();
    Asked(const Asked&) = delete;
    Asked& operator=(const Asked&) = delete;

    // Each returns what is wrong, if anything is.
    [[nodiscard]] std::optional<std::string> Change(uint64_t revision) const;
    [[nodiscard]] std::optional<std::string> Absent(uint64_t revision) const;
    // An entry as it is stored: its revision may be as old as it likes.
    void Stored(uint64_t revision) const;

   private:
    RevisionWatch& watch_;
    uint64_t told_before_;  // the highest revision told when it was asked
  };

 private:
  Mutex mutex_;
  uint64_t highest_ ABSL_GUARDED_BY(mutex_) = 0;
  std::multiset<uint64_t> running_ ABSL_GUARDED_BY(mutex_);  // `told_before_` of each call
  // Changes above the lowest of `running_`: what a call that still runs could repeat.
  std::set<uint64_t> changes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla::check
