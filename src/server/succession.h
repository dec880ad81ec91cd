// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "service/peer_link.h"

namespace tripla {

// When a leader cannot write, finds a replica that can write and has the whole log, and makes it
// the leader. As long as there is none, this server stays leader, so that reads are answered.
//
// Thread-safety: one thread. Lifetime: `membership`, `log` and `peers` outlive it.
class Succession {
 public:
  Succession(const Membership& membership, RatisLog& log, PeerLink& peers);

  // One step: asks the others, once a second, or hands leadership to one that has answered. Does
  // nothing on a follower. Call it as long as this server cannot write. It may take as long as
  // RatisLog::TransferLeadership().
  void TransferIfPossible();

 private:
  struct Answers;

  void Ask();

  const Membership& membership_;
  RatisLog& log_;
  PeerLink& peers_;
  std::chrono::steady_clock::time_point asked_;
  std::shared_ptr<Answers> answers_;  // to the latest question
};

}  // namespace tripla
