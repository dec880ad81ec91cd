// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "batch/batcher.h"
#include "disk/disk_reserve.h"
#include "model/command.h"
#include "state/state_machine.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// A gRPC call that waits for its answer; valid until the reactor is finished.
struct Waiting {
  grpc::CallbackServerContext* context;
  grpc::ServerUnaryReactor* reactor;
};

// The five operations and Batch over gRPC (R4-R8, R12, R15). Reads are answered on the calling
// thread from the newest published state; writes are checked, queued, and answered when their batch
// is durable and applied.
//
// Thread-safety: gRPC calls it from many threads; it never blocks one.
class KeyValueService : public v1::KeyValue::CallbackService {
 public:
  // The three outlive the service. `data_bytes_max`: limit of one value (R14).
  KeyValueService(const StateMachine& machine, Batcher& batcher, const DiskReserve& disk_reserve,
                  size_t data_bytes_max);

  grpc::ServerUnaryReactor* Set(grpc::CallbackServerContext* context, const v1::SetRequest* request,
                                v1::Reply* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context, const v1::GetRequest* request,
                                v1::Reply* reply) override;
  grpc::ServerUnaryReactor* Del(grpc::CallbackServerContext* context, const v1::DelRequest* request,
                                v1::Reply* reply) override;
  grpc::ServerUnaryReactor* DelVersion(grpc::CallbackServerContext* context,
                                       const v1::DelVersionRequest* request,
                                       v1::Reply* reply) override;
  grpc::ServerUnaryReactor* TestAndSet(grpc::CallbackServerContext* context,
                                       const v1::TestAndSetRequest* request,
                                       v1::Reply* reply) override;
  grpc::ServerUnaryReactor* Batch(grpc::CallbackServerContext* context,
                                  const v1::BatchRequest* request, v1::BatchReply* reply) override;

 private:
  grpc::ServerUnaryReactor* Write(grpc::CallbackServerContext* context,
                                  absl::StatusOr<Command> command, v1::Reply* reply);
  // Queues a call, or refuses it.
  void Enqueue(const Waiting& waiting, Call call);

  const StateMachine& machine_;
  Batcher& batcher_;
  const DiskReserve& disk_reserve_;
  const size_t data_bytes_max_;
};

}  // namespace tripla
