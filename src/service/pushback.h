// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// The trailing metadata of an error that advises when to send the call again: after so many
// milliseconds, a negative number for never. As gRPC's retry design names it (gRFC A6).
inline constexpr char kPushbackMetadata[] = "grpc-retry-pushback-ms";

}  // namespace tripla
