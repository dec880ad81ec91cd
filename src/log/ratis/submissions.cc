// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/submissions.h"

#include <utility>

namespace tripla {
namespace {

// More gained nothing, fewer were slower (docs/decisions/0010-ratis.md).
constexpr size_t kInFlightMax = 4;
// In the logs of Java as well: its memory is small.
constexpr size_t kInFlightBytesMax = size_t{16} << 20;

}  // namespace

std::optional<uint64_t> Submissions::Add(Submission& submission, bool urgent) {
  MutexLock lock(mutex_);
  while (!stopped_ && !urgent && !HasRoomFor(submission.bytes)) {
    if (!wait_deadline_) {
      changed_.Wait(mutex_);
    } else if (std::chrono::steady_clock::now() < *wait_deadline_) {
      changed_.WaitUntil(mutex_, *wait_deadline_);
    } else {
      return std::nullopt;
    }
  }
  if (stopped_) return std::nullopt;
  bytes_ += submission.bytes;
  waiting_.emplace(++last_number_, std::move(submission));
  return last_number_;
}

void Submissions::SetWaitDeadline(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  wait_deadline_ = deadline;
  changed_.NotifyAll();
}

bool Submissions::HasRoomFor(size_t bytes) const {
  return waiting_.empty() ||
         (waiting_.size() < kInFlightMax && bytes_ + bytes <= kInFlightBytesMax);
}

std::optional<Submissions::Submission> Submissions::Take(uint64_t number) {
  MutexLock lock(mutex_);
  auto node = waiting_.extract(number);
  if (node.empty()) return std::nullopt;
  bytes_ -= node.mapped().bytes;
  changed_.NotifyAll();
  return std::move(node.mapped());
}

void Submissions::Stop(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.NotifyAll();
  while (!waiting_.empty() && std::chrono::steady_clock::now() < deadline) {
    changed_.WaitUntil(mutex_, deadline);
  }
}

std::map<uint64_t, Submissions::Submission> Submissions::TakeAll() {
  MutexLock lock(mutex_);
  bytes_ = 0;
  return std::exchange(waiting_, {});
}

}  // namespace tripla
