// SPDX-License-Identifier: Apache-2.0
#include "client/running_calls.h"

namespace tripla {

size_t RunningCalls::CancelAll() {
  const MutexLock lock(mutex_);
  for (auto& [call, state] : calls_) {
    state.cancelled = true;
    if (state.attempt != nullptr) state.attempt->TryCancel();
  }
  cancelled_.NotifyAll();
  return calls_.size();
}

RunningCalls::Registration::Registration(RunningCalls& calls) : calls_(calls) {
  const MutexLock lock(calls_.mutex_);
  calls_.calls_.emplace(this, State{});
}

RunningCalls::Registration::~Registration() {
  const MutexLock lock(calls_.mutex_);
  calls_.calls_.erase(this);
}

bool RunningCalls::Registration::Sleep(std::chrono::steady_clock::time_point until) {
  const MutexLock lock(calls_.mutex_);
  while (!calls_.calls_.at(this).cancelled) {
    if (std::chrono::steady_clock::now() >= until) return true;
    calls_.cancelled_.WaitUntil(calls_.mutex_, until);
  }
  return false;
}

RunningCalls::Attempt::Attempt(Registration& call, grpc::ClientContext& context) : call_(call) {
  const MutexLock lock(call_.calls_.mutex_);
  State& state = call_.calls_.calls_.at(&call_);
  state.attempt = &context;
  if (state.cancelled) context.TryCancel();
}

RunningCalls::Attempt::~Attempt() {
  const MutexLock lock(call_.calls_.mutex_);
  call_.calls_.calls_.at(&call_).attempt = nullptr;
}

}  // namespace tripla
