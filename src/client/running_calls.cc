// SPDX-License-Identifier: Apache-2.0
#include "client/running_calls.h"

namespace tripla {

RunningCalls::Era RunningCalls::Now() {
  const MutexLock lock(mutex_);
  return era_;
}

void RunningCalls::CancelAll() {
  const MutexLock lock(mutex_);
  ++era_;
  for (grpc::ClientContext* context : attempts_) context->TryCancel();
  cancelled_.NotifyAll();
}

bool RunningCalls::Sleep(Era era, std::chrono::steady_clock::time_point until) {
  const MutexLock lock(mutex_);
  while (era_ == era) {
    if (std::chrono::steady_clock::now() >= until) return true;
    cancelled_.WaitUntil(mutex_, until);
  }
  return false;
}

RunningCalls::Attempt::Attempt(RunningCalls& calls, Era era, grpc::ClientContext& context)
    : calls_(calls), context_(context) {
  const MutexLock lock(calls_.mutex_);
  calls_.attempts_.insert(&context_);
  if (calls_.era_ != era) context_.TryCancel();
}

RunningCalls::Attempt::~Attempt() {
  const MutexLock lock(calls_.mutex_);
  calls_.attempts_.erase(&context_);
}

}  // namespace tripla
