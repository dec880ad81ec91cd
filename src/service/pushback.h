// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// The trailing metadata that advises when to send a failed call again: the number of milliseconds
// to wait, or a negative number for never. The name is from gRPC's retry design (gRFC A6).
inline constexpr char kPushbackMetadata[] = "grpc-retry-pushback-ms";

}  // namespace tripla
