// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// The trailing metadata of a refusal that advises to come back: after so many milliseconds, a
// negative number for never. As gRPC's retry design names it (gRFC A6).
inline constexpr char kPushbackMetadata[] = "grpc-retry-pushback-ms";

}  // namespace tripla
