// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "base/thread_sanitizer.h"
#include "service/status_mapping.h"

namespace tripla {

class PendingCall;

// The replies that gRPC holds in memory until their clients take them, bounded: a client that asks
// for much and reads nothing must not take the memory of the server, nor the room of others
// (docs/decisions/0004-bounded-memory.md).
//
// A reply may take up to half of the room that is left, so small ones find room when large ones do
// not. A reply that finds none waits, for 20 seconds at most. Those that wait get room in the
// order in which they came, but a smaller one may go first. While one waits, calls whose clients do
// not take their replies are cut off. Replies with little data are not counted: a call costs more
// than they do, and a connection has only so many calls.
//
// Thread-safety: any thread; never blocks. A thread of its own goes on with calls that have waited.
// Lifetime: outlives its calls.
class UnsentReplies {
 public:
  // Goes on with a call: OK when its reply has room now and is counted, or ResourceExhausted, which
  // says what to do. Must not block.
  using AdmittedFn = std::function<void(const absl::Status&)>;

  // So many calls wait for room, and hold so much in memory meanwhile, requests and data that
  // writes have replaced. Above: RESOURCE_EXHAUSTED with retry advice; one may always wait.
  static constexpr size_t kWaitingMax = 4096;
  static constexpr size_t kHeldBytesMax = size_t{64} << 20;

  struct Times {
    // While a reply waits, calls are cut off whose clients have not taken theirs for so long, and a
    // second more for each 32 MiB that were under way when it was given to gRPC: a client that
    // reads all of them at once sees none of them whole before.
    std::chrono::milliseconds patience{5'000};
    // The longest wait for room: long enough to see those cut off who never read.
    std::chrono::milliseconds wait_max{20'000};
  };

  UnsentReplies() : UnsentReplies(Times()) {}
  explicit UnsentReplies(const Times& times) : times_(times), thread_([this] { Run(); }) {}
  ~UnsentReplies();

  // Ends the waits of all calls, as if they had waited long enough, and begins no more: a write
  // that was applied says so before its connection goes. Slow clients are not cut off from then on.
  // Idempotent; not from within a call.
  void Stop();

  UnsentReplies(const UnsentReplies&) = delete;
  UnsentReplies& operator=(const UnsentReplies&) = delete;

  // Before a write is executed, whose reply nobody knows yet: ResourceExhausted when not even a
  // small one would find room, or when many replies of writes wait.
  [[nodiscard]] absl::Status Check();

  // Of replies that are not sent yet, those that wait included.
  [[nodiscard]] size_t data_bytes();

 private:
  friend class PendingCall;

  // A call whose reply waits for room.
  struct Waiter {
    PendingCall* call;
    size_t data_bytes;  // of its reply
    size_t held_bytes;  // in memory meanwhile
    std::chrono::steady_clock::time_point until;
    AdmittedFn admitted;
    absl::Status outcome;
  };
  // What the thread does next.
  struct Work {
    std::list<Waiter> ended;
    std::list<grpc_call*> slow;
    bool stop = false;
  };

  // As PendingCall's methods of these names.
  [[nodiscard]] bool Count(PendingCall& call, size_t data_bytes);
  void Await(PendingCall& call, size_t data_bytes, size_t held_bytes, AdmittedFn admitted);
  // Takes a call that was cancelled out of those that wait; its function, or nullptr when it did
  // not wait.
  AdmittedFn StopWaiting(PendingCall& call);
  void Remove(PendingCall& call);

  void Run();
  [[nodiscard]] Work AwaitWork();
  // Moves those whose wait is over, counted when they have room.
  std::list<Waiter> TakeEnded(std::chrono::steady_clock::time_point now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Moves all that wait, with their refusal.
  std::list<Waiter> TakeAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::list<Waiter>::iterator Take(std::list<Waiter>::iterator waiter, std::list<Waiter>& to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // When the first of those that wait, or of those that are slow, has had its time.
  [[nodiscard]] std::chrono::steady_clock::time_point NextTime() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool HasRoom(size_t data_bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(PendingCall& call, size_t data_bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Subtract(PendingCall& call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Full() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes those out of the list whose clients have had time enough.
  std::list<grpc_call*> TakeSlow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

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

// One unary call, which ends with one of Succeed(), Fail...() and Finish(). It destroys itself when
// gRPC is done with it, which may be inside these.
//
// Thread-safety: one thread at a time.
class PendingCall final : public grpc::ServerUnaryReactor {
 public:
  // `request_bytes`: the size of the request, which stays in memory until the call is done.
  // `without_data`: the reply leaves the data out (R12b).
  PendingCall(grpc::CallbackServerContext* context, UnsentReplies& replies, size_t request_bytes,
              bool without_data = false)
      : context_(context),
        replies_(replies),
        request_bytes_(request_bytes),
        without_data_(without_data) {}

  [[nodiscard]] grpc::CallbackServerContext* context() const { return context_; }
  [[nodiscard]] bool without_data() const { return without_data_; }

  // To be asked before the call ends with a reply that has this much data: whether there is room,
  // and if so counts it until the call is done.
  [[nodiscard]] bool HasRoomFor(size_t data_bytes) { return replies_.Count(*this, data_bytes); }

  // When there is none: calls `admitted` once there is, or with an error when it has waited long
  // enough, or at once when too many wait. If the client gives up, the call ends without it.
  // `held_bytes`: what is in memory while it waits, beside the request.
  void AwaitRoom(size_t data_bytes, size_t held_bytes, UnsentReplies::AdmittedFn admitted) {
    replies_.Await(*this, data_bytes, request_bytes_ + held_bytes, std::move(admitted));
  }

  // Hides gRPC's, which it calls.
  void Finish(grpc::Status status) {
    ThreadSanitizerRelease(this);
    ServerUnaryReactor::Finish(std::move(status));
  }
  void Succeed() { Finish(grpc::Status::OK); }
  // Ends a call that could not write.
  void FailRead(const absl::Status& error, const NoRoom& no_room);
  // Ends a call that could.
  void FailWrite(const absl::Status& error, Applied applied, const NoRoom& no_room);
  // Ends a call whose writes were applied; as AppliedWithoutAnswer().
  void FailApplied(const std::string& why, const google::protobuf::Message& reply);
  // The want of room that AwaitRoom() tells.
  [[nodiscard]] NoRoom NoRoomForReply() { return NoRoom::Overloaded(replies_.data_bytes()); }

 private:
  friend class UnsentReplies;

  void OnCancel() override;
  void OnDone() override;

  // OnDone() may run inside Finish(), where gRPC would else wake a thread for it: a switch of
  // threads for each call (docs/performance.md). So nobody touches a call after its Finish(), nor
  // holds a lock then that OnDone() takes. gRPC 1.51 keeps this to itself ("not API"); a version
  // that drops it does not compile, one that ignores it is only slower.
  bool InternalInlineable() override { return true; }

  grpc::CallbackServerContext* const context_;
  UnsentReplies& replies_;
  const size_t request_bytes_;
  const bool without_data_;
  // Written by replies_, under its mutex, and by nobody once it counts no data.
  size_t data_bytes_ = 0;
  std::chrono::steady_clock::time_point until_;  // slow from then on
  bool cut_off_ = false;
  bool cancelled_ = false;
  std::list<PendingCall*>::iterator place_;
  std::optional<std::list<UnsentReplies::Waiter>::iterator> waiting_;
};

}  // namespace tripla
