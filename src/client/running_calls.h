// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/client_context.h>

#include <chrono>
#include <cstddef>
#include <map>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

// The running calls of a client. Another thread can cancel them, both during an attempt and between
// two attempts.
//
// Thread-safety: all methods may be called from any thread; one thread uses a Registration.
class RunningCalls {
 public:
  // Cancels all calls that are running now and returns their number.
  size_t CancelAll();

  class Attempt;

  // Registers a call as running for its lifetime. `calls` outlives it.
  class Registration {
   public:
    explicit Registration(RunningCalls& calls);
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

    // Waits until `until`. Returns false at once when the call is cancelled.
    [[nodiscard]] bool Sleep(std::chrono::steady_clock::time_point until);

   private:
    friend class Attempt;
    RunningCalls& calls_;
  };

  // One attempt of a call. During its lifetime CancelAll() cancels `context`; if the call was
  // cancelled before, `context` is cancelled at once. `call` and `context` outlive it.
  class Attempt {
   public:
    Attempt(Registration& call, grpc::ClientContext& context);
    ~Attempt();
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

   private:
    Registration& call_;
  };

 private:
  struct State {
    bool cancelled = false;
    grpc::ClientContext* attempt = nullptr;  // null between attempts
  };

  Mutex mutex_;
  Condition cancelled_;
  std::map<const Registration*, State> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
