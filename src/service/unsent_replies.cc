// SPDX-License-Identifier: Apache-2.0
#include "service/unsent_replies.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/thread_name.h"
#include "model/limits.h"

namespace tripla {
namespace {

using std::chrono::steady_clock;

constexpr size_t kTakenBytesPerMs = (size_t{32} << 20) / 1000;

// What a call that waits holds besides its data.
constexpr size_t kCallBytes = 1024;

void CutOff(const std::list<rpc::CallPtr>& slow) {
  for (const rpc::CallPtr& call : slow) call->CutOff();
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
  std::list<rpc::CallPtr> slow;
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

void UnsentReplies::Await(const PendingCallPtr& call, size_t data_bytes, size_t held_bytes,
                          AdmittedFn admitted) {
  const size_t bytes = held_bytes + kCallBytes;
  absl::Status refused;
  {
    MutexLock lock(mutex_);
    if (stop_ || waiting_.size() >= kWaitingMax ||
        (!waiting_.empty() && held_bytes_ + bytes > kHeldBytesMax)) {
      refused = Full();
    } else {
      waiting_data_bytes_ += data_bytes;
      held_bytes_ += bytes;
      call->waiting_ = waiting_.insert(
          waiting_.end(), {call, data_bytes, bytes, steady_clock::now() + times_.wait_max,
                           std::move(admitted), absl::OkStatus()});
      changed_.NotifyAll();
    }
  }
  if (!refused.ok()) return admitted(refused);
  // At once when it was cancelled before.
  call->call().OnCancel([waits = std::weak_ptr(call)] {
    const PendingCallPtr cancelled = waits.lock();
    if (cancelled == nullptr || !cancelled->replies_.StopWaiting(*cancelled)) return;
    cancelled->Finish({absl::StatusCode::kCancelled, ""});
  });
}

bool UnsentReplies::StopWaiting(PendingCall& call) {
  std::list<Waiter> taken;
  MutexLock lock(mutex_);
  if (!call.waiting_) return false;
  Take(*call.waiting_, taken);
  changed_.NotifyAll();
  return true;
}

void UnsentReplies::Remove(PendingCall& call) {
  MutexLock lock(mutex_);
  Subtract(call);
  if (!waiting_.empty()) changed_.NotifyAll();
}

void UnsentReplies::Run() {
  NameThread("replies");
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

std::list<rpc::CallPtr> UnsentReplies::TakeSlow() {
  const auto now = steady_clock::now();
  std::list<rpc::CallPtr> slow;
  while (!counted_.empty() && counted_.front()->until_ < now) {
    PendingCall& call = *counted_.front();
    slow.push_back(call.call_);
    call.cut_off_ = true;
    counted_.pop_front();
  }
  return slow;
}

void PendingCall::FailRead(const absl::Status& error, const NoRoom& no_room) {
  if (absl::IsResourceExhausted(error)) AddPushback(*call_, no_room);
  Finish(ReadError(error, no_room));
}

void PendingCall::FailWrite(const absl::Status& error, Applied applied, const NoRoom& no_room) {
  if (absl::IsResourceExhausted(error)) AddPushback(*call_, no_room);
  Finish(WriteError(error, applied, no_room));
}

void PendingCall::FailApplied(const std::string& why, const google::protobuf::Message& reply) {
  ForbidRetry(*call_);
  Finish(AppliedWithoutAnswer(why, reply));
}

void PendingCall::Succeed(const google::protobuf::MessageLite& reply) {
  // Counted until the reply is under way.
  if (data_bytes_ != 0) call_->OnClosed([self = shared_from_this()] {});
  call_->Reply(reply);
}

PendingCall::~PendingCall() {
  if (data_bytes_ != 0) replies_.Remove(*this);
}

}  // namespace tripla
