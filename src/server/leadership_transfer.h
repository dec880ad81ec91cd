// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "service/peer_link.h"

namespace tripla {

// The thread that lets another member lead when somebody asks for it, one request at a time.
//
// Thread-safety: any thread. Lifetime: `membership`, `log` and `peers` outlive it.
class LeadershipTransfer {
 public:
  // Receives who leads now. Errors: InvalidArgument: no such member; FailedPrecondition: it cannot
  // lead now, did not take over, another was chosen, or another transfer is under way; Unavailable:
  // no leader is known, the leader did not answer, or this server stops.
  using DoneFn = Log::LeadershipFn;

  LeadershipTransfer(const Membership& membership, RatisLog& log, PeerLink& peers);
  ~LeadershipTransfer();

  LeadershipTransfer(const LeadershipTransfer&) = delete;
  LeadershipTransfer& operator=(const LeadershipTransfer&) = delete;

  // Lets `node` lead, empty: any member that does not lead now; asks the leader for it if that is
  // another server. Does not block; `done` is called once, perhaps at once.
  void Ask(const std::string& node, DoneFn done);

  // The same, but Unavailable if this server does not lead.
  void AskHere(const std::string& node, DoneFn done);

  // Ends the thread, after some seconds at most; what is asked for then is Unavailable. Idempotent.
  void Stop();

 private:
  using Clock = std::chrono::steady_clock;
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
  void Run();
  // Nothing at the stop.
  [[nodiscard]] std::optional<Request> AwaitRequest();
  [[nodiscard]] bool IsStopped();
  // Sleeps for a moment; false once it is too late or at the stop.
  [[nodiscard]] bool WaitsUntil(Clock::time_point deadline);
  // Of a server that was elected just now.
  [[nodiscard]] absl::Status AwaitOwnReadiness();
  [[nodiscard]] Log::Leadership AwaitSuccessor();
  [[nodiscard]] absl::StatusOr<Log::Leadership> HandOver(const std::string& node);

  const Membership& membership_;
  RatisLog& log_;
  PeerLink& peers_;
  Mutex mutex_;
  Condition changed_;
  std::optional<Request> request_ ABSL_GUARDED_BY(mutex_);
  bool is_busy_ ABSL_GUARDED_BY(mutex_) = false;  // a request waits or is served
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
