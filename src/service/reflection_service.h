// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "reflection/reflection.grpc.pb.h"

namespace tripla {

// Server reflection v1 for tools, which gRPC 1.51 does not implement. It describes the messages and
// services that are linked into the program.
//
// Thread-safety: gRPC calls it from many threads; it never blocks one.
class ReflectionService : public grpc::reflection::v1::ServerReflection::CallbackService {
 public:
  // `services` are the full names of the services that the server offers.
  explicit ReflectionService(std::vector<std::string> services);

  grpc::ServerBidiReactor<grpc::reflection::v1::ServerReflectionRequest,
                          grpc::reflection::v1::ServerReflectionResponse>*
  ServerReflectionInfo(grpc::CallbackServerContext* context) override;

 private:
  class Stream;

  const std::vector<std::string> services_;
};

}  // namespace tripla
