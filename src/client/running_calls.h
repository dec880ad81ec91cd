// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <cstdint>
#include <set>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

// The calls of a client that are running, so that they can be cancelled from another thread: in an
// attempt, between two attempts, or waiting for the next.
//
// Thread-safety: all methods may be called from any thread.
class RunningCalls {
 public:
  // When a call began, in cancellations seen; those after it concern the call.
  using Era = uint64_t;

  [[nodiscard]] Era Now();

  // Cancels what is running now.
  void CancelAll();

  // Waits until `until`. False at once when the call begun in `era` is cancelled.
  [[nodiscard]] bool Sleep(Era era, std::chrono::steady_clock::time_point until);

  // One attempt: while it lives, CancelAll() reaches `context`, which is cancelled at once if the
  // call was. `context` outlives it.
  class Attempt {
   public:
    Attempt(RunningCalls& calls, Era era, grpc::ClientContext& context);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

   private:
    RunningCalls& calls_;
    grpc::ClientContext& context_;
  };

 private:
  Mutex mutex_;
  Condition cancelled_;
  Era era_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<grpc::ClientContext*> attempts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
