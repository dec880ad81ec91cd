// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "load/generator.h"
#include "load/measurement.h"
#include "load/pace.h"
#include "load/plan.h"
#include "load/workload.h"

namespace tripla::load {

// One run of a Generator. A closed loop begins a slot's next call as its last one ends; in an open
// loop a thread begins calls when they are due, in whatever slot is free.
class Run {
 public:
  // All outlive the run.
  Run(const Plan& plan, const std::vector<std::unique_ptr<grpc::GenericStub>>& stubs,
      Workload& workload, const Period& period);

  Measurement Measure(const Generator::ProgressFn& progress);

 private:
  // One thread and the calls it gets the answers of.
  struct Lane {
    grpc::CompletionQueue queue;
    Tally tally;
    std::atomic<uint64_t> answered{0};  // as the tally, for progress
    std::atomic<uint64_t> failed{0};
    std::thread thread;
  };
  // A place for one call at a time.
  struct Slot {
    int number = 0;
    grpc::GenericStub* stub = nullptr;
    Lane* lane = nullptr;
    TimePoint start;
    Effect effect = Effect::kReads;
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> call;
    grpc::ByteBuffer reply;
    grpc::Status status;
  };

  [[nodiscard]] bool is_open() const { return period_.rate > 0; }
  // Begins the slot's next call; false when there is none.
  bool Begin(Slot& slot, TimePoint start);
  // Of a closed loop: begins the next call, or rests.
  void Continue(Slot& slot, TimePoint now);
  void Rest(Slot& slot);
  // A lane's thread: takes answers until all slots rest.
  void Serve(Lane& lane);
  void Account(Slot& slot, TimePoint end);
  void AccountFailure(Slot& slot);
  // The thread of an open loop.
  void BeginWhenDue();
  Slot* AwaitFreeSlot();
  // Until the end, the end of the workload or a stop.
  void AwaitEnd(const Generator::ProgressFn& progress);
  void Tell(const Generator::ProgressFn& progress);

  const Plan& plan_;
  Workload& workload_;
  const Period period_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<Slot> slots_;
  TimePoint begin_;
  TimePoint measured_from_;
  TimePoint end_;
  TimePoint told_;
  std::atomic<bool> over_{false};
  uint64_t never_begun_ = 0;

  Mutex mutex_;
  Condition slot_rests_;  // told to who waits for a free one
  Condition all_rest_;    // told to who waits for the end
  std::vector<Slot*> resting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla::load
