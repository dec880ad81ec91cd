// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace tripla {

// Why a server cannot listen on `address` (HOST:PORT), in the system's words: "Address already in
// use". Empty when it can. gRPC only tells that it could not.
[[nodiscard]] std::string ListenError(const std::string& address);

}  // namespace tripla
