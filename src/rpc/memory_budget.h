// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla::rpc {

// Bounds the memory that all clients together make the server hold in one direction: what has
// arrived of unfinished requests, or what is to be sent and not taken yet. When it is used up, what
// clients are slowest with is cut off, and the rest goes on.
//
// Each connection has an account and says what it holds. Slowest is what is due first: each request
// and each answer has five seconds, and a second for each MiB. Before that time it is cut off only
// for bytes that are in memory already; a client that asks for room in advance waits.
//
// Thread-safety: any thread. It calls back under its mutex, so callbacks only post to their loops.
class MemoryBudget {
 public:
  using Clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds kPatience{5};
  static constexpr size_t kBytesPerSecond = size_t{1} << 20;

  // When what begins at `now` and has this size is due.
  [[nodiscard]] static Clock::time_point Due(Clock::time_point now, size_t bytes);

  class Account {
   public:
    struct Callbacks {
      // Cut off this much, what is due first before the rest, and Hold() less.
      std::function<void(size_t bytes)> cut;
      // There may be room for what TryMore() was refused.
      std::function<void()> room;
    };
    // `budget` outlives it.
    Account(MemoryBudget& budget, Callbacks callbacks);
    ~Account();
    Account(const Account&) = delete;
    Account& operator=(const Account&) = delete;

    // Says what is held now, and when the first of that is due; max() when nothing of it can be cut
    // off.
    void Hold(size_t bytes, Clock::time_point due);
    // Whether room may be taken for a message of which so much is still to come; it is counted
    // then, and Hold() includes it from then on. One message at a time may be larger than the
    // budget. Refused, the account is called back when there may be room.
    [[nodiscard]] bool TryMore(size_t bytes);
    // The message of a TryMore() is there, or will never be.
    void EndMore();

   private:
    friend class MemoryBudget;

    MemoryBudget& budget_;
    const Callbacks callbacks_;
    // Written by its owner, under the mutex.
    size_t bytes_ = 0;
    Clock::time_point due_ = Clock::time_point::max();
    int messages_ = 0;      // with room
    size_t cut_bytes_ = 0;  // what it was asked to cut off since the last Hold()
    bool waits_ = false;
    std::list<Account*>::iterator place_;
  };

  explicit MemoryBudget(size_t bytes_max) : bytes_max_(bytes_max) {}

  // Whether more is held than should be; until what was cut off is gone.
  [[nodiscard]] bool IsOver() const { return is_over_.load(std::memory_order_relaxed); }
  // Cuts off what is overdue, if an account waits for room.
  void CutOverdue(Clock::time_point now);

  // What all accounts hold.
  [[nodiscard]] size_t bytes();

 private:
  // The account that holds what is due first, of those that were not asked to cut; null: none.
  [[nodiscard]] Account* DueFirst() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CutWhatIsTooMuch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Cut(Account& account, size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(Account& account, size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CallWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t bytes_max_;
  std::atomic<bool> is_over_ = false;
  Mutex mutex_;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t cut_bytes_ ABSL_GUARDED_BY(mutex_) = 0;         // of all accounts
  int messages_ ABSL_GUARDED_BY(mutex_) = 0;             // of all accounts
  size_t exempt_bytes_ ABSL_GUARDED_BY(mutex_) = 0;      // of the message larger than the budget
  std::list<Account*> holding_ ABSL_GUARDED_BY(mutex_);  // those with bytes
  std::deque<Account*> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla::rpc
