// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>

namespace tripla {

// Opens an unshared channel to the server at `endpoint` (HOST:PORT), with gRPC's own retries off.
[[nodiscard]] std::shared_ptr<grpc::Channel> OpenChannel(const std::string& endpoint);

// Why `channel` is not connected, if known: "Connection refused".
[[nodiscard]] std::string WhyNotConnected(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace tripla
