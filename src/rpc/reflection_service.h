// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "reflection/reflection.pb.h"
#include "rpc/methods.h"

namespace tripla::rpc {

// Adds server reflection for tools, v1 and v1alpha, to `methods`, which it describes, itself among
// them. Call it when all others are there.
void AddReflection(Methods& methods);

// Answers one question to a server with these services (full names). It describes the messages and
// services that are linked into the program.
void AnswerReflection(const std::vector<std::string>& services,
                      const grpc::reflection::v1::ServerReflectionRequest& request,
                      grpc::reflection::v1::ServerReflectionResponse& response);

}  // namespace tripla::rpc
