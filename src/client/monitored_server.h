// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>

#include "health/health.grpc.pb.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// A server for tests. It reports the status that the test sets, and has no room for a snapshot. Its
// health follows `ready`. It listens on a free port of this machine.
//
// Thread-safety: calls come on gRPC's threads.
class MonitoredServer final : public v1::Admin::Service, public grpc::health::v1::Health::Service {
 public:
  explicit MonitoredServer(v1::StatusReply status);

  [[nodiscard]] std::string endpoint() const;

  grpc::Status Status(grpc::ServerContext* context, const v1::StatusRequest* request,
                      v1::StatusReply* reply) override;
  grpc::Status Snapshot(grpc::ServerContext* context, const v1::SnapshotRequest* request,
                        v1::SnapshotReply* reply) override;
  grpc::Status Check(grpc::ServerContext* context,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override;

 private:
  const v1::StatusReply status_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tripla
