// SPDX-License-Identifier: Apache-2.0
#include "service/unsent_replies.h"

#include <fmt/core.h>
#include <grpc/grpc.h>

#include "model/limits.h"

namespace tripla {
namespace {

// While there is room nobody is hurried. Without, this is the time for a reply that was given to
// gRPC to leave this machine.
constexpr std::chrono::seconds kPatience{5};

void CutOff(const std::list<grpc_call*>& slow) {
  for (grpc_call* call : slow) {
    grpc_call_cancel(call, nullptr);
    grpc_call_unref(call);
  }
}

}  // namespace

absl::Status UnsentReplies::Add(PendingCall& call, size_t data_bytes) {
  if (data_bytes < limits::kCountedReplyBytesMin) return absl::OkStatus();
  std::list<grpc_call*> slow;
  absl::Status added;
  {
    MutexLock lock(mutex_);
    if (HasRoom(data_bytes)) {
      data_bytes_ += data_bytes;
      call.data_bytes_ = data_bytes;
      call.since_ = std::chrono::steady_clock::now();
      call.place_ = calls_.insert(calls_.end(), &call);
    } else {
      added = NoRoom();
      slow = TakeSlow();
    }
  }
  CutOff(slow);
  return added;
}

absl::Status UnsentReplies::Check() {
  std::list<grpc_call*> slow;
  absl::Status checked;
  {
    MutexLock lock(mutex_);
    if (!HasRoom(limits::kCountedReplyBytesMin)) {
      checked = NoRoom();
      slow = TakeSlow();
    }
  }
  CutOff(slow);
  return checked;
}

void UnsentReplies::Remove(PendingCall& call) {
  MutexLock lock(mutex_);
  data_bytes_ -= call.data_bytes_;
  if (!call.cut_off_) calls_.erase(call.place_);
}

bool UnsentReplies::HasRoom(size_t data_bytes) const {
  constexpr size_t kMost = limits::kUnsentReplyBytesMax;
  return data_bytes_ == 0 || (data_bytes_ < kMost && data_bytes <= (kMost - data_bytes_) / 2);
}

absl::Status UnsentReplies::NoRoom() const {
  return absl::ResourceExhaustedError(
      fmt::format("the server is overloaded: replies with {} bytes wait for their clients to take "
                  "them",
                  data_bytes_));
}

std::list<grpc_call*> UnsentReplies::TakeSlow() {
  const auto latest = std::chrono::steady_clock::now() - kPatience;
  std::list<grpc_call*> slow;
  while (!calls_.empty() && calls_.front()->since_ < latest) {
    PendingCall& call = *calls_.front();
    // It cannot be done before OnDone() has had the mutex, and is only cancelled without it:
    // gRPC may then call OnDone() on this very thread.
    slow.push_back(call.context_->c_call());
    grpc_call_ref(slow.back());
    call.cut_off_ = true;
    calls_.pop_front();
  }
  return slow;
}

void PendingCall::OnDone() {
  if (data_bytes_ != 0) replies_.Remove(*this);
  delete this;
}

}  // namespace tripla
