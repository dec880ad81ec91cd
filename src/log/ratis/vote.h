// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"

namespace tripla {

// What Ratis keeps in the file raft-meta: the latest term that a replica knows, and its vote in it.
struct Vote {
  uint64_t term = 0;
  std::string voted_for;  // node id; empty: nobody yet
};

// Errors: NotFound when there is no such file; DataLoss, which names it, when it does not hold a
// term and a vote; what the disk says.
[[nodiscard]] absl::StatusOr<Vote> ReadVote(const DataDirectory& directory,
                                            const Membership& membership);

}  // namespace tripla
