// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "log/ratis/membership.h"
#include "model/log_position.h"

namespace tripla {

// Returns the highest term and the last log position that any other member of the cluster knows.
// Asks each of them over the network, for two seconds at most.
//
// A new replica with these can replace a lost one. Every record that the lost one acknowledged is
// in the log of a member that answered, because so many must answer that each majority with the
// lost one includes one of them. The new replica does not vote in terms up to the returned one.
//
// Errors: Unavailable, with the names of those that did not answer, when too few did;
// FailedPrecondition when one of them belongs to another cluster.
[[nodiscard]] absl::StatusOr<LogPosition> AskWhatOthersKnow(const Membership& membership);

// Returns the highest term known to the members that can be reached. A new replica must not vote in
// terms up to it, because an earlier replica of its name may have voted there. Errors:
// FailedPrecondition when the log of one of them is not empty: then a replica of this name may have
// acknowledged records that an empty replica would not have.
[[nodiscard]] absl::StatusOr<uint64_t> TermOfNewCluster(const Membership& membership);

// FailedPrecondition when the replica that is to be replaced still serves.
[[nodiscard]] absl::Status CheckIsLost(const Membership& membership);

}  // namespace tripla
