// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "log/ratis/read_rounds.h"
#include "model/limits.h"
#include "model/log_position.h"
#include "service/unsent_replies.h"
#include "state/state_summary.h"
#include "tripla/internal/peer.grpc.pb.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// How a replica reaches the others: it passes writes on to the one that leads, so that they join
// its batches, and answers its own clients with what comes back; and it asks what Peer answers.
//
// Thread-safety: any thread; never blocks. Lifetime: outlives the calls it has taken.
class PeerLink {
 public:
  // `passed_on_bytes_max`: of what is under way, the bound that limits.h tells.
  explicit PeerLink(size_t passed_on_bytes_max = limits::kPassedOnBytesMax)
      : passed_on_bytes_max_(passed_on_bytes_max) {}

  // Whether the call was passed on by another replica, and so must not be once more.
  [[nodiscard]] static bool IsPassedOn(const grpc::CallbackServerContext& context);

  // Passes a write on to the server at `endpoint`, within its deadline, and ends it with the
  // answer. Request: what v1::KeyValue takes. `request` and `reply` are the call's. While too much
  // is under way, and once the server is shutting down, ends it at once with an error.
  template <typename Request, typename Reply>
  void PassOn(const std::string& endpoint, PendingCall& call, const Request& request, Reply& reply);

  // Ask the server at `endpoint`, which should be of this cluster. The answer comes on a thread of
  // gRPC's, at once or after two seconds at most; errors: Unavailable with the reason.
  void AskReadIndex(const std::string& endpoint, const std::string& cluster, Proof proof,
                    std::function<void(const absl::StatusOr<LogIndex>&)> answer);
  // The answer holds those of `indexes` that the server knows.
  void AskStateHashes(
      const std::string& endpoint, const std::string& cluster, const std::vector<LogIndex>& indexes,
      std::function<void(const absl::StatusOr<std::map<LogIndex, StateHash>>&)> answer);

  // What the server's log is known to hold, and whether its disk is full. Unavailable also while it
  // is being rebuilt.
  void AskLogState(const std::string& endpoint, const std::string& cluster,
                   std::function<void(const absl::StatusOr<internal::LogStateReply>&)> answer);

  // Gives up what was passed on or asked and is not answered, and what will be: whether a write was
  // applied is not known. No answer comes after it. The server is shutting down. Idempotent.
  void Stop();

 private:
  // A connection and what is called over it.
  struct Server {
    explicit Server(const std::string& endpoint);
    std::shared_ptr<grpc::Channel> channel;
    v1::KeyValue::Stub key_value;
    internal::Peer::Stub peer;
  };

  Server& To(const std::string& endpoint);
  template <typename Request, typename Reply, typename Answer>
  void Ask(const std::string& endpoint, Request request, std::function<Answer(const Reply&)> read,
           std::function<void(const absl::StatusOr<Answer>&)> answer);
  // Errors: ResourceExhausted while too much is under way, Unavailable once the server is shutting
  // down. What has no bytes always has room.
  [[nodiscard]] absl::Status Begin(const std::shared_ptr<grpc::ClientContext>& call, size_t bytes);
  // What was passed on takes no room any more.
  void MakeRoom(const std::shared_ptr<grpc::ClientContext>& call);
  void End(const std::shared_ptr<grpc::ClientContext>& call);

  const size_t passed_on_bytes_max_;
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  // Those under way, with the size of what was passed on.
  std::map<std::shared_ptr<grpc::ClientContext>, size_t> calls_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of all
  Condition ended_;                           // a call
  // Never forgotten: there are as many as the cluster has members.
  std::map<std::string, std::unique_ptr<Server>> servers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
