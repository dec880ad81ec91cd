// SPDX-License-Identifier: Apache-2.0
#include "batch/batcher.h"

#include <fmt/core.h>

#include <iterator>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/thread_name.h"
#include "model/batch_codec.h"
#include "model/limits.h"

namespace tripla {
namespace {

size_t Bytes(const PendingWrite& write) {
  size_t bytes = 0;
  for (const Command& command : write.commands) bytes += EncodedBytes(command);
  return bytes;
}

// Answers each write with its part of the batch's outcomes.
void Answer(std::vector<PendingWrite>& writes, absl::StatusOr<std::vector<Outcome>> outcomes) {
  size_t next = 0;
  for (PendingWrite& write : writes) {
    if (!outcomes.ok()) {
      write.done(outcomes.status());
      continue;
    }
    write.done(std::span(*outcomes).subspan(next, write.commands.size()));
    next += write.commands.size();
  }
}

}  // namespace

Batcher::Batcher(Log& log) : log_(log), thread_([this] { Run(); }) {}

Batcher::~Batcher() { Stop(); }

absl::Status Batcher::Enqueue(PendingWrite write) {
  TRIPLA_CHECK(!write.commands.empty(), "a write without commands would never be answered");
  const size_t bytes = Bytes(write);
  MutexLock lock(mutex_);
  if (stopping_) return absl::UnavailableError("the server is shutting down");
  const bool full = queued_commands_ + write.commands.size() > limits::kQueueCommandsMax ||
                    queued_bytes_ + bytes > limits::kQueueBytesMax;
  if (full && !queue_.empty()) {
    return absl::ResourceExhaustedError(
        fmt::format("the server is overloaded: {} writes with {} bytes wait for the log",
                    queued_commands_, queued_bytes_));
  }
  queued_commands_ += write.commands.size();
  queued_bytes_ += bytes;
  queue_.push_back({std::move(write), bytes});
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
  NameThread("batcher");
  while (true) {
    std::vector<PendingWrite> writes = TakeWrites();
    if (writes.empty()) return;
    Submit(std::move(writes));
  }
}

bool Batcher::IsWorthABatch() const {
  return !queue_.empty() && (queued_commands_ >= submitted_commands_ ||
                             queued_commands_ >= limits::kLogBatchCommandsMax ||
                             queued_bytes_ >= limits::kLogBatchBytesMax);
}

std::vector<PendingWrite> Batcher::TakeWrites() {
  MutexLock lock(mutex_);
  while (!stopping_ && !IsWorthABatch()) changed_.Wait(mutex_);
  std::vector<PendingWrite> writes;
  size_t commands = 0;
  size_t bytes = 0;
  while (!queue_.empty() && commands < limits::kLogBatchCommandsMax) {
    Queued& queued = queue_.front();
    if (!writes.empty() && bytes + queued.bytes > limits::kLogBatchBytesMax) break;
    commands += queued.write.commands.size();
    bytes += queued.bytes;
    queued_commands_ -= queued.write.commands.size();
    queued_bytes_ -= queued.bytes;
    writes.push_back(std::move(queued.write));
    queue_.pop_front();
  }
  return writes;
}

void Batcher::SetAnswered(size_t commands) {
  MutexLock lock(mutex_);
  submitted_commands_ -= commands;
  if (IsWorthABatch()) changed_.NotifyOne();
}

void Batcher::Submit(std::vector<PendingWrite> writes) {
  const auto now = std::chrono::steady_clock::now();
  auto waiting = std::make_shared<std::vector<PendingWrite>>();
  Batch batch;
  for (PendingWrite& write : writes) {
    if (write.deadline <= now) {
      write.done(absl::DeadlineExceededError("the deadline passed before the write was logged"));
      continue;
    }
    std::move(write.commands.begin(), write.commands.end(), std::back_inserter(batch.commands));
    // The moved-from commands stay, because Answer() counts them.
    waiting->push_back(std::move(write));
  }
  if (waiting->empty()) return;
  const size_t commands = batch.commands.size();
  {
    MutexLock lock(mutex_);
    submitted_commands_ += commands;
  }
  log_.Submit(std::move(batch), [=, this](absl::StatusOr<std::vector<Outcome>> outcomes) {
    // First, so that the next batch is submitted while these writes are answered.
    SetAnswered(commands);
    Answer(*waiting, std::move(outcomes));
  });
}

}  // namespace tripla
