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
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "model/command.h"
#include "model/outcome.h"

namespace tripla {

// A write that waits for the log: a single operation, or the operations of a BatchRequest, which
// stay together and in order.
struct PendingWrite {
  // Receives one outcome for each command, or an error: DeadlineExceeded if the deadline passed
  // before the write was logged, otherwise that of the log. Only after Unknown may the write have
  // been applied. Called exactly once, on the batcher's thread or the log's, which it must not
  // block; the outcomes may be moved from.
  using DoneFn = std::function<void(absl::StatusOr<std::span<Outcome>>)>;

  std::vector<Command> commands;
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  DoneFn done;
  DiskReserve::Admission admission;  // of a write that makes the map larger
};

// Combines pending writes into Batches and submits them to the log: group commit without a timer
// (design 5). While one batch is being made durable the next one collects, so an idle system adds
// no delay and a busy one has full batches. A log may take several batches at a time; then the next
// batch is submitted only when it is full or has at least as many commands as all unanswered ones,
// because each batch costs the replicas the same, whatever its size
// (docs/decisions/0010-ratis.md). This is Nagle's rule for packets (RFC 896).
//
// Thread-safety: Enqueue() from any thread; it never waits for the log. The batcher's own thread
// submits. Limits: limits::kQueueCommandsMax and kQueueBytesMax waiting; a batch closes at
// kLogBatch...Max. A write with more bytes than that is a batch of its own: a log may have to cut
// it up, and the others would share its fate.
class Batcher {
 public:
  // `log` outlives the batcher, and has answered everything when the batcher is destroyed.
  explicit Batcher(Log& log);
  ~Batcher();

  Batcher(const Batcher&) = delete;
  Batcher& operator=(const Batcher&) = delete;

  // Queues a write. On an error `write.done` is not called. `write.commands` is not empty.
  //
  // Errors: ResourceExhausted when the queue is full; Unavailable after Stop().
  [[nodiscard]] absl::Status Enqueue(PendingWrite write);

  // The size of all writes that wait for the log.
  [[nodiscard]] size_t queued_bytes();

  // Answers what was enqueued, then stops. Idempotent; not from a DoneFn.
  void Stop();

 private:
  struct Queued {
    PendingWrite write;
    size_t bytes;  // of its commands as they are in the log
  };

  void Run();
  // Waits for work and takes what fits in one batch. Empty once stopped and drained.
  std::vector<PendingWrite> TakeWrites();
  [[nodiscard]] bool IsWorthABatch() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void SetAnswered(size_t commands);
  void Submit(std::vector<PendingWrite> writes);

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
