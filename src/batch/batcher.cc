// SPDX-License-Identifier: Apache-2.0
#include "batch/batcher.h"

#include <fmt/core.h>

#include <iterator>
#include <memory>
#include <utility>

#include "base/check.h"
#include "model/batch_codec.h"
#include "model/limits.h"

namespace tripla {
namespace {

size_t Bytes(const Call& call) {
  size_t bytes = 0;
  for (const Command& command : call.commands) bytes += EncodedBytes(command);
  return bytes;
}

// Answers each call from its part of the batch's outcomes.
void Answer(std::vector<Call>& calls, absl::StatusOr<std::vector<Outcome>> outcomes) {
  size_t next = 0;
  for (Call& call : calls) {
    if (!outcomes.ok()) {
      call.done(outcomes.status());
      continue;
    }
    call.done(std::span(*outcomes).subspan(next, call.commands.size()));
    next += call.commands.size();
  }
}

}  // namespace

Batcher::Batcher(Log& log) : log_(log), thread_([this] { Run(); }) {}

Batcher::~Batcher() { Stop(); }

absl::Status Batcher::Enqueue(Call call) {
  TRIPLA_CHECK(!call.commands.empty(), "a call without commands would never be answered");
  const size_t bytes = Bytes(call);
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the server is shutting down");
  const bool full = queued_commands_ + call.commands.size() > limits::kQueueCommandsMax ||
                    queued_bytes_ + bytes > limits::kQueueBytesMax;
  if (full && !queue_.empty()) {
    return absl::ResourceExhaustedError(
        fmt::format("the server is overloaded: {} writes with {} bytes wait for the log",
                    queued_commands_, queued_bytes_));
  }
  queued_commands_ += call.commands.size();
  queued_bytes_ += bytes;
  queue_.push_back({std::move(call), bytes});
  if (IsWorthABatch()) changed_.NotifyOne();
  return absl::OkStatus();
}

size_t Batcher::queued_bytes() {
  MutexLock lock(mutex_);
  return queued_bytes_;
}

void Batcher::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void Batcher::Run() {
  while (true) {
    std::vector<Call> calls = TakeCalls();
    if (calls.empty()) return;
    Submit(std::move(calls));
  }
}

bool Batcher::IsWorthABatch() const {
  return !queue_.empty() && (queued_commands_ >= submitted_commands_ ||
                             queued_commands_ >= limits::kLogBatchCommandsMax ||
                             queued_bytes_ >= limits::kLogBatchBytesMax);
}

std::vector<Call> Batcher::TakeCalls() {
  MutexLock lock(mutex_);
  while (!stopping_ && !IsWorthABatch()) changed_.Wait(mutex_);
  std::vector<Call> calls;
  size_t commands = 0;
  size_t bytes = 0;
  while (!queue_.empty() && commands < limits::kLogBatchCommandsMax &&
         bytes < limits::kLogBatchBytesMax) {
    Queued& queued = queue_.front();
    commands += queued.call.commands.size();
    bytes += queued.bytes;
    queued_commands_ -= queued.call.commands.size();
    queued_bytes_ -= queued.bytes;
    calls.push_back(std::move(queued.call));
    queue_.pop_front();
  }
  return calls;
}

void Batcher::SetAnswered(size_t commands) {
  MutexLock lock(mutex_);
  submitted_commands_ -= commands;
  if (IsWorthABatch()) changed_.NotifyOne();
}

void Batcher::Submit(std::vector<Call> calls) {
  const auto now = std::chrono::steady_clock::now();
  auto waiting = std::make_shared<std::vector<Call>>();
  Batch batch;
  for (Call& call : calls) {
    if (call.deadline <= now) {
      call.done(absl::DeadlineExceededError("the deadline passed before the write was logged"));
      continue;
    }
    std::move(call.commands.begin(), call.commands.end(), std::back_inserter(batch.commands));
    // Moved-from commands stay: Answer() counts them.
    waiting->push_back(std::move(call));
  }
  if (waiting->empty()) return;
  const size_t commands = batch.commands.size();
  {
    MutexLock lock(mutex_);
    submitted_commands_ += commands;
  }
  log_.Submit(std::move(batch), [=, this](absl::StatusOr<std::vector<Outcome>> outcomes) {
    // First: the next batch is on its way while this one's calls are answered.
    SetAnswered(commands);
    Answer(*waiting, std::move(outcomes));
  });
}

}  // namespace tripla
