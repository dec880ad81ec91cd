// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/formed_replica.h"

#include "base/check.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"
#include "log/ratis/starts.h"

namespace tripla {

std::string MakeFormedReplica(const std::string& data_dir, const std::string& node,
                              const std::string& members) {
  const auto directory = DataDirectory::Open(PosixDisk(), data_dir);
  absl::StatusOr<Membership> membership = ParseMembership(node, members);
  TRIPLA_CHECK(directory.ok() && membership.ok(), "the test can make its directory");
  TRIPLA_CHECK(InitializeReplica(*directory, *membership).ok(), "it is empty");
  membership->cluster = ClusterIdOf({1, 2, 3});
  TRIPLA_CHECK(JoinCluster(*directory, *membership, *ReadStarts(*directory)).ok() &&
                   PrepareFirstStart(*directory, *membership).ok() &&
                   MemberStarts::Open(*directory).ok(),
               "it was prepared");
  return membership->cluster;
}

}  // namespace tripla
