// SPDX-License-Identifier: Apache-2.0
#include "client/running_calls.h"

namespace tripla {

size_t RunningCalls::CancelAll() {
  const MutexLock lock(mutex_);
  for (Call* call : calls_) {
    call->cancelled_ = true;
    if (call->attempt_ != nullptr) call->attempt_->TryCancel();
  }
  cancelled_.NotifyAll();
  return calls_.size();
}

RunningCalls::Call::Call(RunningCalls& calls) : calls_(calls) {
  const MutexLock lock(calls_.mutex_);
  calls_.calls_.insert(this);
}

RunningCalls::Call::~Call() {
  const MutexLock lock(calls_.mutex_);
  calls_.calls_.erase(this);
}

bool RunningCalls::Call::Sleep(std::chrono::steady_clock::time_point until) {
  const MutexLock lock(calls_.mutex_);
  while (!cancelled_) {
    if (std::chrono::steady_clock::now() >= until) return true;
    calls_.cancelled_.WaitUntil(calls_.mutex_, until);
  }
  return false;
}

RunningCalls::Attempt::Attempt(Call& call, grpc::ClientContext& context) : call_(call) {
  const MutexLock lock(call_.calls_.mutex_);
  call_.attempt_ = &context;
  if (call_.cancelled_) context.TryCancel();
}

RunningCalls::Attempt::~Attempt() {
  const MutexLock lock(call_.calls_.mutex_);
  call_.attempt_ = nullptr;
}

}  // namespace tripla
