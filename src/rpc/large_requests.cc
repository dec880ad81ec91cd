// SPDX-License-Identifier: Apache-2.0
#include "rpc/large_requests.h"

#include <utility>

#include "base/thread_name.h"

namespace tripla::rpc {

// Complete requests are not cut off, and ask for no room in advance.
LargeRequests::LargeRequests(MemoryBudget& incoming)
    : held_(incoming, {.cut = [](size_t) {}, .room = [] {}}), thread_([this] { RunAll(); }) {}

void LargeRequests::Run(size_t bytes, std::function<void()> handle) {
  MutexLock lock(mutex_);
  waiting_.push_back({bytes, std::move(handle)});
  Hold(bytes_ + bytes);
  changed_.NotifyAll();
}

void LargeRequests::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

void LargeRequests::RunAll() {
  NameThread("large-requests");
  Waiting next;
  while (Take(next)) {
    next.handle();
    next.handle = nullptr;
    MutexLock lock(mutex_);
    Hold(bytes_ - next.bytes);
  }
}

bool LargeRequests::Take(Waiting& next) {
  MutexLock lock(mutex_);
  while (waiting_.empty() && !stop_) changed_.Wait(mutex_);
  if (waiting_.empty()) return false;
  next = std::move(waiting_.front());
  waiting_.pop_front();
  return true;
}

void LargeRequests::Hold(size_t bytes) {
  bytes_ = bytes;
  held_.Hold(bytes, MemoryBudget::Clock::time_point::max());
}

}  // namespace tripla::rpc
