// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/options.h"
#include "service/reflection_service.h"

namespace tripla {

// The transport: serves services over gRPC at one address, with the health service and, if
// options say so, reflection beside them. All that configures gRPC is here.
//
// Thread-safety: SetReady() from any thread, the rest from one.
class GrpcServer {
 public:
  // A service and its name in the contract, which reflection lists.
  struct Offered {
    std::string_view name;
    grpc::Service& service;
  };

  // It listens when this returns; the health service says "not serving". The services outlive it.
  //
  // Errors: Unavailable when it cannot listen.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<GrpcServer>> Start(
      const Options& options, const std::vector<Offered>& services);

  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;

  // HOST:PORT; for port 0 with the port that was chosen.
  [[nodiscard]] const std::string& address() const { return address_; }

  // What the health service says of kReadinessService.
  void SetReady(bool ready);

  // Refuses new calls and ends those in flight: replies have a second to reach their clients. On
  // return no call is left. Once.
  void Stop();

 private:
  GrpcServer() = default;

  std::string address_;
  std::unique_ptr<ReflectionService> reflection_service_;  // null without reflection
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tripla
