// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <cstddef>
#include <map>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

// The calls of a client that are running, so that they can be cancelled from another thread: in an
// attempt, between two attempts, or waiting for the next.
//
// Thread-safety: all methods may be called from any thread; one thread uses a Call.
class RunningCalls {
 public:
  // Cancels what is running now; returns how many calls that are.
  size_t CancelAll();

  class Attempt;

  // A call, running as long as this lives. `calls` outlives it.
  class Call {
   public:
    explicit Call(RunningCalls& calls);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // Waits until `until`. False at once when the call is cancelled.
    [[nodiscard]] bool Sleep(std::chrono::steady_clock::time_point until);

   private:
    friend class Attempt;
    RunningCalls& calls_;
  };

  // One attempt of a call: while it lives, CancelAll() reaches `context`, which is cancelled at
  // once if the call was. `call` and `context` outlive it.
  class Attempt {
   public:
    Attempt(Call& call, grpc::ClientContext& context);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

   private:
    Call& call_;
  };

 private:
  struct State {
    bool cancelled = false;
    grpc::ClientContext* attempt = nullptr;  // null between attempts
  };

  Mutex mutex_;
  Condition cancelled_;
  std::map<const Call*, State> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
