// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/applied_index.h"

#include <utility>
#include <vector>

#include "model/limits.h"

namespace tripla {
namespace {

absl::Status Stopped() { return absl::UnavailableError("the server is shutting down"); }

absl::Status TooManyWait() {
  return absl::ResourceExhaustedError(
      "the server is overloaded: it is behind with what it applies, and too many reads wait");
}

}  // namespace

// Sequential consistency: either Advance() sees that somebody waits, or he sees the new index.
void AppliedIndex::Advance(LogIndex index) {
  index_.store(index);
  if (waiting_count_.load() == 0) return;
  std::vector<ReachedFn> reached;
  {
    MutexLock lock(mutex_);
    const auto end = waiting_.upper_bound(index);
    for (auto each = waiting_.begin(); each != end; ++each) {
      reached.push_back(std::move(each->second));
    }
    waiting_.erase(waiting_.begin(), end);
    waiting_count_.store(waiting_.size());
  }
  for (const ReachedFn& call : reached) call(absl::OkStatus());
}

void AppliedIndex::Await(LogIndex index, ReachedFn reached) {
  if (get() >= index) return reached(absl::OkStatus());
  absl::Status status;
  {
    MutexLock lock(mutex_);
    waiting_count_.store(waiting_.size() + 1);
    if (stopped_) {
      status = Stopped();
    } else if (index_.load() < index) {
      if (waiting_.size() < limits::kWaitingReadsMax) {
        waiting_.emplace(index, std::move(reached));
        return;
      }
      status = TooManyWait();
    }
    waiting_count_.store(waiting_.size());
  }
  reached(std::move(status));
}

void AppliedIndex::Stop() {
  std::multimap<LogIndex, ReachedFn> left;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(waiting_);
    waiting_count_.store(0);
  }
  for (const auto& [index, reached] : left) reached(Stopped());
}

}  // namespace tripla
