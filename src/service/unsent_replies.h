// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "rpc/call.h"
#include "service/status_mapping.h"

namespace tripla {

class PendingCall;
using PendingCallPtr = std::shared_ptr<PendingCall>;

// Limits the replies that are in memory until clients take them: a client that asks for much and
// takes nothing must not use up the server's memory, nor the room of other clients
// (docs/decisions/0004-bounded-memory.md).
//
// A reply may take up to half of the room that is left, so small ones find room when large ones do
// not. A reply without room waits, for 20 seconds at most. Waiting replies get room in the order in
// which they came, but a smaller one may go first. Calls of slow clients are cut off only while a
// reply waits. Replies with little data are not counted here: they cost less than the call itself,
// and the transport bounds them (rpc::MemoryBudget).
//
// Thread-safety: any thread; never blocks. Its own thread resumes calls that have waited. Lifetime:
// outlives its calls.
class UnsentReplies {
 public:
  // Resumes a call: OK when its reply has room now and is counted, or ResourceExhausted, whose
  // message says what to do. Must not block.
  using AdmittedFn = std::function<void(const absl::Status&)>;

  // The limits of calls that wait for room: their number, and the memory they hold meanwhile
  // (requests, and data that writes have replaced). Above: RESOURCE_EXHAUSTED with retry advice; a
  // single call may always wait.
  static constexpr size_t kWaitingMax = 4096;
  static constexpr size_t kHeldBytesMax = size_t{64} << 20;

  struct Times {
    // While a reply waits, a call is cut off if its client has not read its own reply for this
    // long, plus a second for each 32 MiB that were unsent when the reply was counted: a client may
    // read all of its replies at the same time.
    std::chrono::milliseconds patience{5'000};
    // The longest wait for room: long enough for clients that never read to be cut off.
    std::chrono::milliseconds wait_max{20'000};
  };

  UnsentReplies() : UnsentReplies(Times()) {}
  explicit UnsentReplies(const Times& times) : times_(times), thread_([this] { Run(); }) {}
  ~UnsentReplies();

  // Ends the waits of all calls with the error of a timeout, so that an applied write says so
  // before its connection closes, and allows no new waits. From then on slow clients are not cut
  // off. Idempotent; not from within a call.
  void Stop();

  UnsentReplies(const UnsentReplies&) = delete;
  UnsentReplies& operator=(const UnsentReplies&) = delete;

  // For a write before it is executed, when the size of its reply is not known: ResourceExhausted
  // when not even a small reply would find room, or when many replies of writes wait.
  [[nodiscard]] absl::Status Check();

  // The data of unsent replies, including waiting ones.
  [[nodiscard]] size_t data_bytes();

 private:
  friend class PendingCall;

  // A call whose reply waits for room.
  struct Waiter {
    PendingCallPtr call;
    size_t data_bytes;  // of its reply
    size_t held_bytes;  // in memory while it waits
    std::chrono::steady_clock::time_point until;
    AdmittedFn admitted;
    absl::Status outcome;
  };
  // The next work of the thread.
  struct Work {
    std::list<Waiter> ended;
    std::list<rpc::CallPtr> slow;
    bool stop = false;
  };

  // See HasRoomFor() and AwaitRoom() of PendingCall.
  [[nodiscard]] bool Count(PendingCall& call, size_t data_bytes);
  void Await(const PendingCallPtr& call, size_t data_bytes, size_t held_bytes, AdmittedFn admitted);
  // Removes a cancelled call from the waiting ones. False when it did not wait.
  [[nodiscard]] bool StopWaiting(PendingCall& call);
  void Remove(PendingCall& call);

  void Run();
  [[nodiscard]] Work AwaitWork();
  // Removes the calls whose wait is over; those with room are counted.
  std::list<Waiter> TakeEnded(std::chrono::steady_clock::time_point now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Removes all waiting calls, with an error.
  std::list<Waiter> TakeAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::list<Waiter>::iterator Take(std::list<Waiter>::iterator waiter, std::list<Waiter>& to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The earliest time at which a waiting call times out or a slow one is cut off.
  [[nodiscard]] std::chrono::steady_clock::time_point NextTime() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool HasRoom(size_t data_bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(PendingCall& call, size_t data_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Subtract(PendingCall& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Full() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Removes the calls whose clients were too slow.
  std::list<rpc::CallPtr> TakeSlow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Times times_;
  Mutex mutex_;
  Condition changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::list<PendingCall*> counted_ ABSL_GUARDED_BY(mutex_);  // oldest first
  size_t data_bytes_ ABSL_GUARDED_BY(mutex_) = 0;            // of those
  std::list<Waiter> waiting_ ABSL_GUARDED_BY(mutex_);        // oldest first
  size_t waiting_data_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

// One unary call. It ends with one of Succeed(), Fail...() and Finish().
//
// Thread-safety: one thread at a time.
class PendingCall final : public std::enable_shared_from_this<PendingCall> {
 public:
  // `without_data` omits the data from the reply (R12b). `replies` outlives it.
  PendingCall(rpc::CallPtr call, UnsentReplies& replies, bool without_data = false)
      : call_(std::move(call)), replies_(replies), without_data_(without_data) {}
  ~PendingCall();
  PendingCall(const PendingCall&) = delete;
  PendingCall& operator=(const PendingCall&) = delete;

  [[nodiscard]] rpc::Call& call() const { return *call_; }
  [[nodiscard]] bool without_data() const { return without_data_; }

  // Call this before the call ends with a reply of this much data. If there is room, counts the
  // reply until its client has taken it and returns true.
  [[nodiscard]] bool HasRoomFor(size_t data_bytes) { return replies_.Count(*this, data_bytes); }

  // If there was no room: calls `admitted` once there is, or with an error after the longest wait,
  // or at once with an error when too many calls wait. If the client cancels, the call ends without
  // it. `held_bytes` is the memory held while it waits.
  void AwaitRoom(size_t data_bytes, size_t held_bytes, UnsentReplies::AdmittedFn admitted) {
    replies_.Await(shared_from_this(), data_bytes, held_bytes, std::move(admitted));
  }

  void Succeed(const google::protobuf::MessageLite& reply);
  void Finish(rpc::Status error) { call_->Finish(std::move(error)); }
  // Ends a call that cannot write with an error.
  void FailRead(const absl::Status& error, const NoRoom& no_room);
  // Ends a call that can write with an error.
  void FailWrite(const absl::Status& error, Applied applied, const NoRoom& no_room);
  // Ends a call whose writes were applied, with the error of AppliedWithoutAnswer().
  void FailApplied(const std::string& why, const google::protobuf::Message& reply);
  // The reason of the errors of AwaitRoom().
  [[nodiscard]] NoRoom NoRoomForReply() { return NoRoom::Overloaded(replies_.data_bytes()); }

 private:
  friend class UnsentReplies;

  const rpc::CallPtr call_;
  UnsentReplies& replies_;
  const bool without_data_;
  // Written only by replies_, under its mutex.
  size_t data_bytes_ = 0;
  std::chrono::steady_clock::time_point until_;  // slow from then on
  bool cut_off_ = false;
  std::list<PendingCall*>::iterator place_;
  std::optional<std::list<UnsentReplies::Waiter>::iterator> waiting_;
};

}  // namespace tripla
