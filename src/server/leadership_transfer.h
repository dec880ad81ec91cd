// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "service/peer_link.h"

namespace tripla {

// Lets another member lead when somebody asks for it.
//
// Thread-safety: ServeRequests() from one thread, the rest from any.
// Lifetime: `membership`, `log` and `peers` outlive it.
class LeadershipTransfer {
 public:
  // Receives who leads now. Errors: InvalidArgument: no such member; FailedPrecondition: it cannot
  // lead now, did not take over, or another was chosen; Unavailable: no leader is known, the leader
  // did not answer, or this server stops.
  using DoneFn = std::function<void(const absl::StatusOr<Log::Leadership>&)>;

  LeadershipTransfer(const Membership& membership, RatisLog& log, PeerLink& peers);

  // Lets `node` lead, empty: any member that does not lead now; asks the leader for it if that is
  // another server. Does not block; `done` is called once, perhaps at once.
  void Ask(const std::string& node, DoneFn done);

  // The same, but Unavailable if this server does not lead.
  void AskHere(const std::string& node, DoneFn done);

  // Does what was asked for. Call it every 100 ms: a request waits for it. It may take as long as
  // RatisLog::HandOver().
  void ServeRequests();

  // Answers what was asked for, also later, with Unavailable.
  void Stop();

 private:
  struct Request {
    std::string node;
    DoneFn done;
  };

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
  Mutex mutex_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
