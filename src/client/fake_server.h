// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// A refusal as the tripla server makes it.
[[nodiscard]] grpc::Status Refused(grpc::StatusCode code, v1::Undecided::Applied applied,
                                   const std::string& leader_endpoint = "");

// Returns once the client has given up the call.
void AwaitCancelled(const grpc::ServerContext& context);

// A gRPC server whose answers the test decides. It listens on a free port of this machine.
//
// Thread-safety: calls come on gRPC's threads, one at a time to `on_operation`.
class FakeServer final : public v1::KeyValue::Service, public v1::Admin::Service {
 public:
  // What to do with a call: `attempt` counts from 0.
  using OnOperation = std::function<grpc::Status(
      grpc::ServerContext& context, const v1::Operation& request, v1::Reply& reply, int attempt)>;

  // What to do with a call that the client gives up in the end.
  [[nodiscard]] static OnOperation Hang();

  // `port` 0 takes a free one.
  explicit FakeServer(OnOperation on_operation, int port = 0);
  ~FakeServer() override { Stop(); }

  void Stop();
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string endpoint() const;
  // Every operation received, those of batches included.
  [[nodiscard]] std::vector<v1::Operation> received();

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
  grpc::Status Answer(grpc::ServerContext& context, const v1::Operation& request, v1::Reply& reply);

  OnOperation on_operation_;
  Mutex mutex_;
  std::vector<v1::Operation> received_ ABSL_GUARDED_BY(mutex_);
  int attempts_ ABSL_GUARDED_BY(mutex_) = 0;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tripla
