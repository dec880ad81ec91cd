// SPDX-License-Identifier: Apache-2.0
#include "rpc/memory_budget.h"

#include <algorithm>
#include <utility>

namespace tripla::rpc {

MemoryBudget::Clock::time_point MemoryBudget::Due(Clock::time_point now, size_t bytes) {
  return now + kPatience + std::chrono::milliseconds(bytes / (kBytesPerSecond / 1000));
}

MemoryBudget::Account::Account(MemoryBudget& budget, Callbacks callbacks)
    : budget_(budget), callbacks_(std::move(callbacks)) {}

MemoryBudget::Account::~Account() {
  Hold(0, Clock::time_point::max());
  MutexLock lock(budget_.mutex_);
  budget_.StopWaiting(*this);
}

void MemoryBudget::Account::Hold(size_t bytes, Clock::time_point due) {
  // Only its owner writes them, so most calls of a connection that holds nothing need no mutex.
  if (bytes == bytes_ && due == due_) return;
  MutexLock lock(budget_.mutex_);
  const bool less = bytes < bytes_;
  if (bytes_ == 0) place_ = budget_.holding_.insert(budget_.holding_.end(), this);
  budget_.bytes_ += bytes - bytes_;
  bytes_ = bytes;
  due_ = due;
  is_cut_ = false;
  if (bytes_ == 0) budget_.holding_.erase(place_);
  if (less) budget_.CallWaiting();
  if (budget_.bytes_ <= budget_.bytes_max_) return;
  // One for each that holds more: the next one that does so cuts again.
  if (Account* const slowest = budget_.DueFirst()) Cut(*slowest);
}

bool MemoryBudget::Account::TryMore(size_t bytes) {
  MutexLock lock(budget_.mutex_);
  const size_t others = budget_.bytes_ - bytes_;
  const bool alone = others == 0 && bytes_ == 0;
  if (!alone && budget_.bytes_ + bytes > budget_.bytes_max_) {
    if (!waits_) budget_.waiting_.push_back(this);
    waits_ = true;
    return false;
  }
  if (bytes_ == 0) place_ = budget_.holding_.insert(budget_.holding_.end(), this);
  budget_.bytes_ += bytes;
  bytes_ += bytes;
  return true;
}

bool MemoryBudget::IsShort() {
  MutexLock lock(mutex_);
  return !waiting_.empty();
}

void MemoryBudget::CutOverdue(Clock::time_point now) {
  MutexLock lock(mutex_);
  if (waiting_.empty()) return;
  for (Account* const account : holding_) {
    if (account->due_ < now && !account->is_cut_) Cut(*account);
  }
}

size_t MemoryBudget::bytes() {
  MutexLock lock(mutex_);
  return bytes_;
}

MemoryBudget::Account* MemoryBudget::DueFirst() {
  Account* first = nullptr;
  for (Account* const account : holding_) {
    if (account->is_cut_ || account->due_ == Clock::time_point::max()) continue;
    if (first == nullptr || account->due_ < first->due_) first = account;
  }
  return first;
}

void MemoryBudget::Cut(Account& account) {
  account.is_cut_ = true;
  account.callbacks_.cut();
}

void MemoryBudget::CallWaiting() {
  // All of them: the first may want more than there is, or have gone.
  for (Account* const account : std::exchange(waiting_, {})) {
    account->waits_ = false;
    account->callbacks_.room();
  }
}

void MemoryBudget::StopWaiting(Account& account) {
  std::erase(waiting_, &account);
  account.waits_ = false;
}

}  // namespace tripla::rpc
