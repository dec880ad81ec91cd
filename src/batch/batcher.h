// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <span>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "log/log.h"
#include "model/command.h"
#include "model/outcome.h"

namespace tripla {

// One call that waits for the log: a single write, or the operations of a BatchRequest, which stay
// together and in order.
struct Call {
  // Takes the outcomes, one a command, or why there are none: DeadlineExceeded when the call's
  // deadline passed before it was logged, else what the log says. Only Unknown leaves open whether
  // it was applied. Called exactly once, on the batcher's thread or the log's, which it must not
  // block; the outcomes may be moved from.
  using DoneFn = std::function<void(absl::StatusOr<std::span<Outcome>>)>;

  std::vector<Command> commands;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  DoneFn done;
};

// Makes Batches of the calls that wait and submits them to the log: group commit without a timer
// (design 5). While one batch is being made durable the next collects, so an empty system adds no
// delay and a busy one fills its batches by itself. A log that takes several at a time gets none
// that is thinner than all it has not answered, unless it is full: each costs the replicas the
// same, whatever it holds (docs/decisions/0010-ratis.md). It is Nagle's rule for packets, RFC 896.
//
// Thread-safety: Enqueue() from any thread; it never waits for the log. One thread of its own
// submits. Limits: limits::kQueueCommandsMax and kQueueBytesMax waiting; a batch closes at
// kLogBatch...Max.
class Batcher {
 public:
  // `log` outlives the batcher, and has answered everything when the batcher is destroyed.
  explicit Batcher(Log& log);
  ~Batcher();

  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Takes a call, or refuses it at once and leaves `call.done` uncalled. `call.commands` is not
  // empty.
  //
  // Errors: ResourceExhausted when the queue is full; Unavailable after Stop().
  [[nodiscard]] absl::Status Enqueue(Call call);

  // Of all that wait for the log.
  [[nodiscard]] size_t queued_bytes();

  // Answers what was enqueued, then stops. Idempotent; not from a DoneFn.
  void Stop();

 private:
  struct Queued {
    Call call;
    size_t bytes;  // of its commands as they are in the log
  };

  void Run();
  // Waits for work and takes what fits in one batch. Empty once stopped and drained.
  std::vector<Call> TakeCalls();
  [[nodiscard]] bool IsWorthABatch() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetAnswered(size_t commands);
  void Submit(std::vector<Call> calls);

  Log& log_;
  Mutex mutex_;
  Condition changed_;
  std::deque<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_commands_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t submitted_commands_ ABSL_GUARDED_BY(mutex_) = 0;  // and not answered
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
