// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "service/peer_link.h"

namespace tripla {

// Of a leader that cannot write: finds a replica that can and has all of its log, and lets that one
// lead. While there is none it goes on leading, so that reads are answered.
//
// Thread-safety: one thread. Lifetime: `membership`, `log` and `peers` outlive it.
class Succession {
 public:
  Succession(const Membership& membership, RatisLog& log, PeerLink& peers);

  // One step: asks the others, once a second, or lets one that has answered lead. Does nothing on a
  // follower. To be called as long as this server cannot write; may take as long as
  // RatisLog::TransferLeadership().
  void TransferIfPossible();

 private:
  struct Answers;

  void Ask();

  const Membership& membership_;
  RatisLog& log_;
  PeerLink& peers_;
  std::chrono::steady_clock::time_point asked_;
  std::shared_ptr<Answers> answers_;  // to the question that was put last
};

}  // namespace tripla
