// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "service/peer_link.h"

namespace tripla {

// Transfers leadership: when it is asked for, and when a leader cannot write. In that case it finds
// a replica that can write and has the whole log. As long as there is none, this server stays
// leader, so that reads are answered.
//
// Thread-safety: Transfer(), TransferFromHere() and Stop() from any thread, the rest from one.
// Lifetime: `membership`, `log` and `peers` outlive it.
class Succession {
 public:
  // Receives who leads now. Errors: InvalidArgument: no such member; FailedPrecondition: it cannot
  // lead now, did not take over, or another was chosen; Unavailable: no leader is known.
  using DoneFn = std::function<void(const absl::StatusOr<Log::Leadership>&)>;

  Succession(const Membership& membership, RatisLog& log, PeerLink& peers);

  // Lets `node` lead, empty: any member that does not lead now; asks the leader for it if that is
  // another server. Does not block; `done` is called once, perhaps at once.
  void Transfer(const std::string& node, DoneFn done);

  // The same, but Unavailable if this server does not lead.
  void TransferFromHere(const std::string& node, DoneFn done);

  // Does what Transfer() asks for. Call it every now and then. It may take as long as
  // RatisLog::HandOver().
  void ServeRequests();

  // One step: asks the others, once a second, or hands leadership to one that has answered. Does
  // nothing on a follower. Call it as long as this server cannot write. It may take as long as
  // RatisLog::TransferLeadership().
  void TransferIfPossible();

  // Answers what was asked for, also later, with Unavailable.
  void Stop();

 private:
  struct Answers;
  struct Request {
    std::string node;
    DoneFn done;
  };

  void Ask();
  [[nodiscard]] absl::Status CheckIsMember(const std::string& node) const;
  // Whether it has been heard of lately.
  [[nodiscard]] absl::Status CheckIsHeard(const std::string& node) const;
  // Whether the leader answers reads. A new one does when its first entry is applied, shortly after
  // its election; it takes writes then, too.
  [[nodiscard]] bool CanRead();
  [[nodiscard]] absl::StatusOr<Log::Leadership> HandOver(const std::string& node);

  const Membership& membership_;
  RatisLog& log_;
  PeerLink& peers_;
  std::chrono::steady_clock::time_point asked_;
  std::shared_ptr<Answers> answers_;  // to the latest question
  Mutex mutex_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
