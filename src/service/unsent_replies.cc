// SPDX-License-Identifier: Apache-2.0
#include "service/unsent_replies.h"

#include <fmt/core.h>
#include <grpc/grpc.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "model/limits.h"

namespace tripla {
namespace {

using std::chrono::steady_clock;

constexpr size_t kTakenBytesPerMs = (size_t{32} << 20) / 1000;

void CutOff(const std::list<grpc_call*>& slow) {
  for (grpc_call* call : slow) {
    grpc_call_cancel(call, nullptr);
    grpc_call_unref(call);
  }
}

}  // namespace

UnsentReplies::~UnsentReplies() {
  Stop();
  MutexLock lock(mutex_);
  TRIPLA_CHECK(waiting_.empty(), "a call that waits would never end");
}

void UnsentReplies::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status UnsentReplies::Check() {
  std::list<grpc_call*> slow;
  absl::Status checked;
  {
    MutexLock lock(mutex_);
    const bool room_to_wait = waiting_.size() < kWaitingMax / 2 && held_bytes_ < kHeldBytesMax / 2;
    if (!HasRoom(limits::kCountedReplyBytesMin) || !room_to_wait) {
      checked = Full();
      slow = TakeSlow();
    }
  }
  CutOff(slow);
  return checked;
}

size_t UnsentReplies::data_bytes() {
  MutexLock lock(mutex_);
  return data_bytes_ + waiting_data_bytes_;
}

bool UnsentReplies::Count(PendingCall& call, size_t data_bytes) {
  // What was counted after a wait stays counted, also if the reply has become smaller meanwhile.
  if (data_bytes <= call.data_bytes_ || data_bytes < limits::kCountedReplyBytesMin) return true;
  MutexLock lock(mutex_);
  if (call.data_bytes_ != 0) Subtract(call);
  const bool in_turn = waiting_.empty() || data_bytes < waiting_.front().data_bytes;
  if (!in_turn || !HasRoom(data_bytes)) return false;
  Add(call, data_bytes);
  return true;
}

void UnsentReplies::Await(PendingCall& call, size_t data_bytes, size_t held_bytes,
                          AdmittedFn admitted) {
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    // A call that was cancelled before is not told so again.
    if (!call.cancelled_ && !stop_ && waiting_.size() < kWaitingMax &&
        (waiting_.empty() || held_bytes_ + held_bytes <= kHeldBytesMax)) {
      waiting_data_bytes_ += data_bytes;
      held_bytes_ += held_bytes;
      call.waiting_ = waiting_.insert(
          waiting_.end(), {&call, data_bytes, held_bytes, steady_clock::now() + times_.wait_max,
                           std::move(admitted), absl::OkStatus()});
      changed_.NotifyAll();
      return;
    }
    refused = Full();
  }
  admitted(refused);
}

UnsentReplies::AdmittedFn UnsentReplies::StopWaiting(PendingCall& call) {
  std::list<Waiter> taken;
  MutexLock lock(mutex_);
  call.cancelled_ = true;
  if (!call.waiting_) return nullptr;
  Take(*call.waiting_, taken);
  changed_.NotifyAll();
  return std::move(taken.front().admitted);
}

void UnsentReplies::Remove(PendingCall& call) {
  MutexLock lock(mutex_);
  Subtract(call);
  if (!waiting_.empty()) changed_.NotifyAll();
}

void UnsentReplies::Run() {
  while (true) {
    const Work work = AwaitWork();
    CutOff(work.slow);
    for (const Waiter& waiter : work.ended) waiter.admitted(waiter.outcome);
    if (work.stop) return;
  }
}

UnsentReplies::Work UnsentReplies::AwaitWork() {
  MutexLock lock(mutex_);
  while (true) {
    if (stop_) return {.ended = TakeAll(), .stop = true};
    if (waiting_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    Work work{.ended = TakeEnded(steady_clock::now())};
    if (!waiting_.empty()) work.slow = TakeSlow();
    if (!work.ended.empty() || !work.slow.empty()) return work;
    changed_.WaitUntil(mutex_, NextTime());
  }
}

std::list<UnsentReplies::Waiter> UnsentReplies::TakeAll() {
  std::list<Waiter> all;
  while (!waiting_.empty()) {
    waiting_.front().outcome = Full();
    Take(waiting_.begin(), all);
  }
  return all;
}

std::list<UnsentReplies::Waiter> UnsentReplies::TakeEnded(steady_clock::time_point now) {
  std::list<Waiter> ended;
  size_t smallest_before = SIZE_MAX;
  for (auto waiter = waiting_.begin(); waiter != waiting_.end();) {
    if (waiter->data_bytes < smallest_before && HasRoom(waiter->data_bytes)) {
      Add(*waiter->call, waiter->data_bytes);
      waiter = Take(waiter, ended);
    } else if (waiter->until <= now) {
      waiter->outcome = Full();
      waiter = Take(waiter, ended);
    } else {
      smallest_before = std::min(smallest_before, waiter->data_bytes);
      ++waiter;
    }
  }
  return ended;
}

std::list<UnsentReplies::Waiter>::iterator UnsentReplies::Take(std::list<Waiter>::iterator waiter,
                                                               std::list<Waiter>& to) {
  waiting_data_bytes_ -= waiter->data_bytes;
  held_bytes_ -= waiter->held_bytes;
  waiter->call->waiting_.reset();
  const auto next = std::next(waiter);
  to.splice(to.end(), waiting_, waiter);
  return next;
}

steady_clock::time_point UnsentReplies::NextTime() const {
  steady_clock::time_point next = waiting_.front().until;
  if (!counted_.empty()) next = std::min(next, counted_.front()->until_);
  return next;
}

bool UnsentReplies::HasRoom(size_t data_bytes) const {
  constexpr size_t kMost = limits::kUnsentReplyBytesMax;
  return data_bytes_ == 0 || (data_bytes_ < kMost && data_bytes <= (kMost - data_bytes_) / 2);
}

void UnsentReplies::Add(PendingCall& call, size_t data_bytes) {
  data_bytes_ += data_bytes;
  call.data_bytes_ = data_bytes;
  call.until_ = steady_clock::now() + times_.patience +
                std::chrono::milliseconds(data_bytes_ / kTakenBytesPerMs);
  call.cut_off_ = false;
  call.place_ = counted_.insert(counted_.end(), &call);
}

void UnsentReplies::Subtract(PendingCall& call) {
  data_bytes_ -= std::exchange(call.data_bytes_, 0);
  if (!call.cut_off_) counted_.erase(call.place_);
}

absl::Status UnsentReplies::Full() const {
  return absl::ResourceExhaustedError(
      fmt::format("the server is overloaded: replies with {} bytes wait for their clients to take "
                  "them",
                  data_bytes_ + waiting_data_bytes_));
}

std::list<grpc_call*> UnsentReplies::TakeSlow() {
  const auto now = steady_clock::now();
  std::list<grpc_call*> slow;
  while (!counted_.empty() && counted_.front()->until_ < now) {
    PendingCall& call = *counted_.front();
    // It cannot be done before OnDone() has had the mutex, and is only cancelled without it:
    // gRPC may then call OnDone() on this very thread.
    slow.push_back(call.context_->c_call());
    grpc_call_ref(slow.back());
    call.cut_off_ = true;
    counted_.pop_front();
  }
  return slow;
}

void PendingCall::FailRead(const absl::Status& error, const NoRoom& no_room) {
  if (absl::IsResourceExhausted(error)) AddPushback(*context_, no_room);
  Finish(ReadError(error, no_room));
}

void PendingCall::FailWrite(const absl::Status& error, Applied applied, const NoRoom& no_room) {
  if (absl::IsResourceExhausted(error)) AddPushback(*context_, no_room);
  Finish(WriteError(error, applied, no_room));
}

void PendingCall::FailApplied(const std::string& why, const google::protobuf::Message& reply) {
  ForbidRetry(*context_);
  Finish(AppliedWithoutAnswer(why, reply));
}

void PendingCall::OnCancel() {
  // gRPC calls OnDone() only after this has returned.
  const UnsentReplies::AdmittedFn dropped = replies_.StopWaiting(*this);
  if (dropped != nullptr) Finish(grpc::Status::CANCELLED);
}

void PendingCall::OnDone() {
  ThreadSanitizerAcquire(this);
  if (data_bytes_ != 0) replies_.Remove(*this);
  delete this;
}

}  // namespace tripla
