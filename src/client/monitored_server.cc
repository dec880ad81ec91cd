// SPDX-License-Identifier: Apache-2.0
#include "client/monitored_server.h"

#include <fmt/core.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <utility>

#include "base/check.h"
#include "client/fake_server.h"

namespace tripla {

MonitoredServer::MonitoredServer(v1::StatusReply status) : status_(std::move(status)) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(static_cast<v1::Admin::Service*>(this));
  builder.RegisterService(static_cast<grpc::health::v1::Health::Service*>(this));
  server_ = builder.BuildAndStart();
  TRIPLA_CHECK(server_ != nullptr && port_ != 0, "the server of the test listens");
}

std::string MonitoredServer::endpoint() const { return fmt::format("127.0.0.1:{}", port_); }

grpc::Status MonitoredServer::Status(grpc::ServerContext* /*context*/,
                                     const v1::StatusRequest* /*request*/, v1::StatusReply* reply) {
  *reply = status_;
  return grpc::Status::OK;
}

grpc::Status MonitoredServer::Snapshot(grpc::ServerContext* /*context*/,
                                       const v1::SnapshotRequest* /*request*/,
                                       v1::SnapshotReply* /*reply*/) {
  return Refused(grpc::StatusCode::RESOURCE_EXHAUSTED, v1::Undecided::NO);
}

grpc::Status MonitoredServer::Check(grpc::ServerContext* /*context*/,
                                    const grpc::health::v1::HealthCheckRequest* request,
                                    grpc::health::v1::HealthCheckResponse* response) {
  using Response = grpc::health::v1::HealthCheckResponse;
  const bool serves = request->service().empty() || status_.ready();
  response->set_status(serves ? Response::SERVING : Response::NOT_SERVING);
  return grpc::Status::OK;
}

}  // namespace tripla
