// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace tripla {

// In the trailing metadata of a write that was forwarded: where the leader serves clients,
// HOST:PORT as the cluster knows it (docs/clients.md). A client that asks the leader saves a hop.
inline constexpr char kLeaderMetadata[] = "tripla-leader";

}  // namespace tripla
