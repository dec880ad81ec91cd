// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netdb.h>

#include <string>

#include "absl/status/status.h"

namespace tripla {

// The system's error when a server cannot listen on `address` (HOST:PORT): "Address already in
// use". Empty when it can. gRPC itself gives no reason.
[[nodiscard]] std::string ListenError(const std::string& address);

// The same for the list of addresses that a name resolved to. Like gRPC it skips addresses of a
// family that this machine does not have ("localhost" may also be ::1) if any others are left.
[[nodiscard]] std::string ListenError(const addrinfo& first);

// That a server cannot listen on `address`, for this reason, and what to do.
[[nodiscard]] absl::Status CannotListen(const std::string& address, const std::string& why);

}  // namespace tripla
