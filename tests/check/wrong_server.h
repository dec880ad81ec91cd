// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "model/command.h"
#include "state/state_machine.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla::check {

// A server in this process whose state machine is the real one, and which a test lets do something
// wrong. It listens on a free port of this machine.
//
// Thread-safety: calls come on gRPC's threads; the behaviour is called for one operation at a time.
class WrongServer final : public v1::KeyValue::Service, public v1::Admin::Service {
 public:
  // Does as the contract says.
  using Right = std::function<grpc::Status(const v1::Operation& request, v1::Reply& reply)>;
  // Answers one operation, those of batches included.
  using Behaviour = std::function<grpc::Status(const v1::Operation& request, v1::Reply& reply,
                                               const Right& right)>;

  // What it does wrong where no single operation is.
  struct Elsewhere {
    std::function<void(v1::BatchRequest&)> asked;  // changes what it believes it was asked
    std::function<void(v1::BatchReply&)> batch;    // changes a right reply
    std::function<void(v1::StatusReply&)> status;  // likewise
    grpc::Status image;                            // of Admin.Snapshot
    bool ready = true;                             // as the health service tells
  };

  // Without a behaviour it is right in everything.
  explicit WrongServer(Behaviour behaviour = nullptr) : WrongServer(std::move(behaviour), {}) {}
  WrongServer(Behaviour behaviour, Elsewhere elsewhere);
  ~WrongServer() override;

  [[nodiscard]] std::string endpoint() const;
  // Entries that are there now.
  [[nodiscard]] uint64_t keys();

  grpc::Status Set(grpc::ServerContext* context, const v1::SetRequest* request,
                   v1::Reply* reply) override;
  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::Reply* reply) override;
  grpc::Status Del(grpc::ServerContext* context, const v1::DelRequest* request,
                   v1::Reply* reply) override;
  grpc::Status DelVersion(grpc::ServerContext* context, const v1::DelVersionRequest* request,
                          v1::Reply* reply) override;
  grpc::Status TestAndSet(grpc::ServerContext* context, const v1::TestAndSetRequest* request,
                          v1::Reply* reply) override;
  grpc::Status Batch(grpc::ServerContext* context, const v1::BatchRequest* request,
                     v1::BatchReply* reply) override;
  grpc::Status Status(grpc::ServerContext* context, const v1::StatusRequest* request,
                      v1::StatusReply* reply) override;
  grpc::Status Snapshot(grpc::ServerContext* context, const v1::SnapshotRequest* request,
                        v1::SnapshotReply* reply) override;

 private:
  grpc::Status Answer(const v1::Operation& request, v1::Reply& reply);
  grpc::Status AnswerLocked(const v1::Operation& request, v1::Reply& reply)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  grpc::Status Execute(const v1::Operation& request, v1::Reply& reply)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Behaviour behaviour_;
  const Elsewhere elsewhere_;
  Mutex mutex_;
  StateMachine machine_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace tripla::check
