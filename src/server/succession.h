// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "service/peer_link.h"

namespace tripla {

// Of a leader that cannot write: finds a replica that can, and lets that one lead. While none can,
// it goes on leading, so that reads are answered.
//
// Thread-safety: one thread. Lifetime: `membership`, `log` and `peers` outlive it.
class Succession {
 public:
  Succession(const Membership& membership, RatisLog& log, PeerLink& peers);

  // One step: asks the others, or lets one that has answered lead. Does nothing on a follower. To
  // be called as long as this server cannot write; may take as long as RatisLog::LetAnotherLead().
  void Seek();

 private:
  struct Answers;

  const Membership& membership_;
  RatisLog& log_;
  PeerLink& peers_;
  std::shared_ptr<Answers> answers_;  // to the question that was put; null before
};

}  // namespace tripla
