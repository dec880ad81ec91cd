// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "log/ratis/membership.h"
#include "log/ratis/starts.h"
#include "model/log_position.h"

namespace tripla {

// What a new replica must know to replace a lost one.
struct Replacement {
  std::string cluster;
  LogPosition known;    // it votes in no term up to this one, and not before its log is so long
  StartsRecord starts;  // of the new directory, and of the others
};

// Asks the other members of the cluster, over the network, for two seconds each at most, then the
// leader among them for ten, and has them take part in nothing with the lost replica from then on.
//
// Every record that the lost one helped to commit is before the returned position: an entry that
// the leader has committed without the lost one (C11). So many must answer that each majority with
// the lost one includes one of them. The new replica does not vote in terms up to the returned one.
//
// Errors: Unavailable, with the names of those that did not answer, when too few did, or when the
// leader is none of those that did;
// FailedPrecondition when the replica to be replaced still serves, when one of the others has other
// members, or when they are of two clusters.
[[nodiscard]] absl::StatusOr<Replacement> ReplaceLost(const Membership& membership);

// FailedPrecondition when a member that can be reached says that the cluster is formed: then a
// replica of this name may have voted and acknowledged records, and a new directory would not know.
[[nodiscard]] absl::Status CheckIsNotFormed(const Membership& membership);

}  // namespace tripla
