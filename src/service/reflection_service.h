// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "reflection/reflection.grpc.pb.h"

namespace tripla {

// Tells tools what the server offers: reflection v1, which gRPC 1.51 has no implementation of. What
// it describes are the messages and services that are linked into the program.
//
// Thread-safety: gRPC calls it from many threads; it never blocks one.
class ReflectionService : public grpc::reflection::v1::ServerReflection::CallbackService {
 public:
  // `services`: the full names of what the server offers.
  explicit ReflectionService(std::vector<std::string> services);

  grpc::ServerBidiReactor<grpc::reflection::v1::ServerReflectionRequest,
                          grpc::reflection::v1::ServerReflectionResponse>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

 private:
  class Stream;

  void Answer(const grpc::reflection::v1::ServerReflectionRequest& request,
              grpc::reflection::v1::ServerReflectionResponse& response) const;

  const std::vector<std::string> services_;
};

}  // namespace tripla
