// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netdb.h>

#include <string>

namespace tripla {

// Why a server cannot listen on `address` (HOST:PORT), in the system's words: "Address already in
// use". Empty when it can. gRPC only tells that it could not.
[[nodiscard]] std::string ListenError(const std::string& address);

// The same for all addresses that a name stands for, `first` and those behind it. Those of a family
// that this machine is without ("localhost" may be ::1 too) are passed over, as gRPC does, if
// others are left.
[[nodiscard]] std::string ListenError(const addrinfo& first);

}  // namespace tripla
