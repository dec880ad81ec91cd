// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/split_batch.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "base/mutex.h"
#include "model/batch_codec.h"

namespace tripla {
namespace {

// Collects what becomes of the parts; any thread.
class Join {
 public:
  Join(size_t parts, Log::DoneFn done) : outcomes_(parts), left_(parts), done_(std::move(done)) {}

  void Take(size_t part, absl::StatusOr<std::vector<Outcome>> outcomes) {
    {
      MutexLock lock(mutex_);
      outcomes_[part] = std::move(outcomes);
      if (--left_ != 0) return;
    }
    done_(All());
  }

 private:
  absl::StatusOr<std::vector<Outcome>> All() {
    MutexLock lock(mutex_);
    std::vector<Outcome> all;
    for (absl::StatusOr<std::vector<Outcome>>& part : outcomes_) {
      if (!part.ok()) return Failure(part.status());
      std::move(part->begin(), part->end(), std::back_inserter(all));
    }
    return all;
  }

  absl::Status Failure(const absl::Status& failure) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const bool none_applied = std::ranges::all_of(
        outcomes_, [](const auto& part) { return !part.ok() && !absl::IsUnknown(part.status()); });
    return none_applied ? failure : absl::UnknownError(failure.message());
  }

  Mutex mutex_;
  std::vector<absl::StatusOr<std::vector<Outcome>>> outcomes_ ABSL_GUARDED_BY(mutex_);
  size_t left_ ABSL_GUARDED_BY(mutex_);
  const Log::DoneFn done_;
};

}  // namespace

std::vector<Batch> SplitBatch(Batch batch, size_t bytes_max) {
  size_t bytes = 0;
  for (const Command& command : batch.commands) bytes += EncodedBytes(command);
  std::vector<Batch> parts;
  if (bytes <= bytes_max) {
    parts.push_back(std::move(batch));
    return parts;
  }
  for (Command& command : batch.commands) {
    const size_t command_bytes = EncodedBytes(command);
    if (parts.empty() || bytes + command_bytes > bytes_max) {
      parts.emplace_back();
      bytes = 0;
    }
    bytes += command_bytes;
    parts.back().commands.push_back(std::move(command));
  }
  return parts;
}

std::vector<Log::DoneFn> JoinOutcomes(size_t parts, Log::DoneFn done) {
  std::vector<Log::DoneFn> takers;
  if (parts == 1) {
    takers.push_back(std::move(done));
    return takers;
  }
  const auto join = std::make_shared<Join>(parts, std::move(done));
  for (size_t part = 0; part < parts; ++part) {
    takers.emplace_back([join, part](absl::StatusOr<std::vector<Outcome>> outcomes) {
      join->Take(part, std::move(outcomes));
    });
  }
  return takers;
}

}  // namespace tripla
