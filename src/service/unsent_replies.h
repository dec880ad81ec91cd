// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstddef>
#include <list>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"

namespace tripla {

class PendingCall;

// The replies that gRPC holds in memory until their clients take them, bounded: a client that asks
// for much and reads nothing must not take the memory of the server, nor the room of others
// (docs/decisions/0004-bounded-memory.md).
//
// A reply may take up to half of the room that is left: so the large ones find none first. When
// one finds none, calls whose clients have not taken their replies for some seconds are cut off.
// Replies with little data are not counted: a call costs more than they do, and a connection has
// only so many calls.
//
// Thread-safety: any thread; never blocks.
class UnsentReplies {
 public:
  // Counts the reply of a call, with this much data, until the call is done. ResourceExhausted,
  // which says what to do, when there is no room; an empty one has room for any one reply.
  [[nodiscard]] absl::Status Add(PendingCall& call, size_t data_bytes);

  // Before a write is executed, whose reply nobody knows yet: ResourceExhausted when not even a
  // small one would find room.
  [[nodiscard]] absl::Status Check();

 private:
  friend class PendingCall;

  void Remove(PendingCall& call);
  bool HasRoom(size_t data_bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status NoRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Takes those out of the list whose clients have had time enough.
  std::list<grpc_call*> TakeSlow() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  std::list<PendingCall*> calls_ ABSL_GUARDED_BY(mutex_);  // oldest first
  size_t data_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One unary call, which ends with Finish(). It destroys itself when gRPC is done with it.
class PendingCall final : public grpc::ServerUnaryReactor {
 public:
  PendingCall(grpc::CallbackServerContext* context, UnsentReplies& replies)
      : context_(context), replies_(replies) {}

  [[nodiscard]] grpc::CallbackServerContext* context() const { return context_; }

  // To be asked before Finish() with a reply that has this much data; as UnsentReplies::Add().
  [[nodiscard]] absl::Status CountReply(size_t data_bytes) {
    return replies_.Add(*this, data_bytes);
  }

 private:
  friend class UnsentReplies;

  void OnDone() override;

  // OnDone() may run inside Finish(), where gRPC would else wake a thread for it: a switch of
  // threads for each call (docs/performance.md). So nobody touches a call after its Finish(), nor
  // holds a lock then that OnDone() takes. gRPC 1.51 keeps this to itself ("not API"); a version
  // that drops it does not compile, one that ignores it is only slower.
  bool InternalInlineable() override { return true; }

  grpc::CallbackServerContext* const context_;
  UnsentReplies& replies_;
  // Written by replies_, under its mutex, and by nobody once it counts no data.
  size_t data_bytes_ = 0;
  std::chrono::steady_clock::time_point since_;
  bool cut_off_ = false;
  std::list<PendingCall*>::iterator place_;
};

}  // namespace tripla
