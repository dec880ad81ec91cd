// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "log/ratis/membership.h"
#include "model/log_position.h"

namespace tripla {

// What the other members of a cluster know between them: the highest term, and the last place in
// any of their logs. Asks each of them over the network, two seconds at most.
//
// A replica that begins anew with these in place of one that was lost is as good as that one. What
// it had acknowledged is in the log of another: enough must answer that every majority the lost one
// was part of has left one of them. In the terms up to that one it does not vote.
//
// Errors: Unavailable, naming those that did not answer, when they are too few; FailedPrecondition
// when one of them belongs to another cluster.
[[nodiscard]] absl::StatusOr<LogPosition> AskWhatOthersKnow(const Membership& membership);

// The highest term that the other members know which can be reached; in the terms up to it a new
// replica must not vote, which one of its name may have done. Errors: FailedPrecondition when the
// log of one of them holds anything: a replica that begins with nothing there would have forgotten
// what it has acknowledged.
[[nodiscard]] absl::StatusOr<uint64_t> TermOfNewCluster(const Membership& membership);

// FailedPrecondition when the replica that is to begin anew still serves.
[[nodiscard]] absl::Status CheckIsLost(const Membership& membership);

}  // namespace tripla
