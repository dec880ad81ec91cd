// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"

namespace tripla {

// Forms the cluster of a replica whose directory was prepared by `triplad init` (R29): waits until
// each other member has told the nonce of its directory, from all of which the id is made, or one
// says that the cluster is formed with this very directory. Meanwhile it listens on `listen`
// (HOST:PORT), where it answers the others, and refuses clients with the reason. Waits as long as
// it takes; says for whom. The result, with the id, is durable in the directory.
//
// Errors: FailedPrecondition when the cluster is formed with another directory of this member, or
// another member was prepared with other members, or the directory was
// moved or removed meanwhile; Unavailable when it cannot listen; what the disk
// says.
[[nodiscard]] absl::StatusOr<Membership> FormCluster(DataDirectory& directory,
                                                     const Membership& membership,
                                                     const std::string& listen);

}  // namespace tripla
