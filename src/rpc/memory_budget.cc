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
  while (messages_ > 0) EndMore();
  Hold(0, Clock::time_point::max());
  MutexLock lock(budget_.mutex_);
  std::erase(budget_.waiting_, this);
}

void MemoryBudget::Account::Hold(size_t bytes, Clock::time_point due) {
  // Only its owner writes them, so a connection that holds nothing needs no mutex.
  if (bytes == bytes_ && due == due_) return;
  MutexLock lock(budget_.mutex_);
  const bool less = bytes < bytes_;
  budget_.Add(*this, bytes - bytes_);
  due_ = due;
  budget_.cut_bytes_ -= std::exchange(cut_bytes_, 0);
  if (less) budget_.CallWaiting();
  budget_.CutWhatIsTooMuch();
}

bool MemoryBudget::Account::TryMore(size_t bytes) {
  MutexLock lock(budget_.mutex_);
  const bool fits = budget_.bytes_ + bytes <= budget_.bytes_max_;
  if (!fits && budget_.messages_ > 0) {
    if (!std::exchange(waits_, true)) budget_.waiting_.push_back(this);
    return false;
  }
  if (!fits) budget_.exempt_bytes_ = bytes;
  ++messages_;
  ++budget_.messages_;
  budget_.Add(*this, bytes);
  return true;
}

void MemoryBudget::Account::EndMore() {
  MutexLock lock(budget_.mutex_);
  --messages_;
  if (--budget_.messages_ == 0) budget_.exempt_bytes_ = 0;
  budget_.CallWaiting();
}

void MemoryBudget::CutOverdue(Clock::time_point now) {
  MutexLock lock(mutex_);
  if (waiting_.empty()) return;
  for (Account* const account : holding_) {
    if (account->due_ < now && account->cut_bytes_ == 0) Cut(*account, 1);
  }
}

size_t MemoryBudget::bytes() {
  MutexLock lock(mutex_);
  return bytes_;
}

MemoryBudget::Account* MemoryBudget::DueFirst() {
  Account* first = nullptr;
  for (Account* const account : holding_) {
    if (account->cut_bytes_ > 0 || account->due_ == Clock::time_point::max()) continue;
    if (first == nullptr || account->due_ < first->due_) first = account;
  }
  return first;
}

void MemoryBudget::CutWhatIsTooMuch() {
  while (bytes_ > bytes_max_ + exempt_bytes_ + cut_bytes_) {
    Account* const first = DueFirst();
    if (first == nullptr) return;
    Cut(*first, std::min(first->bytes_, bytes_ - bytes_max_ - exempt_bytes_ - cut_bytes_));
  }
}

void MemoryBudget::Cut(Account& account, size_t bytes) {
  account.cut_bytes_ = bytes;
  cut_bytes_ += bytes;
  account.callbacks_.cut(bytes);
}

void MemoryBudget::Add(Account& account, size_t bytes) {
  const size_t before = account.bytes_;
  account.bytes_ += bytes;
  bytes_ += bytes;
  is_over_.store(bytes_ > bytes_max_ + exempt_bytes_, std::memory_order_relaxed);
  if (before == 0 && account.bytes_ > 0) {
    account.place_ = holding_.insert(holding_.end(), &account);
  }
  if (before > 0 && account.bytes_ == 0) holding_.erase(account.place_);
}

void MemoryBudget::CallWaiting() {
  // All of them: the first may want more than there is, or have gone.
  for (Account* const account : std::exchange(waiting_, {})) {
    account->waits_ = false;
    account->callbacks_.room();
  }
}

}  // namespace tripla::rpc
