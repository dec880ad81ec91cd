// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <chrono>
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

// The connections of a replica to the others. It forwards writes to the leader, where they join the
// leader's batches, and answers its own clients with the replies; and it calls the service Peer.
//
// Thread-safety: any thread; never blocks. Lifetime: outlives the calls it has taken.
class PeerLink {
 public:
  // `passed_on_bytes_max`: the limit of unanswered forwarded requests, see limits.h.
  explicit PeerLink(size_t passed_on_bytes_max = limits::kPassedOnBytesMax)
      : passed_on_bytes_max_(passed_on_bytes_max) {}

  // Whether another replica has forwarded this call; then it must not be forwarded again.
  [[nodiscard]] static bool IsPassedOn(const rpc::Call& call);

  // Forwards a write to the server at `endpoint`, with its deadline, and ends it with the answer,
  // whose metadata name that server (kLeaderMetadata). A leader that is slow to answer is waited
  // for until then, unless the connection breaks or another one leads.
  // Request is a request type of v1::KeyValue. Ends the call at once with an error if too much is
  // under way or the server is shutting down.
  template <typename Request>
  void PassOn(const std::string& endpoint, const PendingCallPtr& call, Request request);

  // Who leads, as this server knows; empty: nobody. Call it every hundred milliseconds. Writes that
  // a former leader has not answered a second after that are given up: it may have gone.
  void SetLeader(const std::string& endpoint);
  static constexpr std::chrono::seconds kFormerLeaderPatience{1};

  // The following ask the server at `endpoint`, which should be of this cluster. The answer comes
  // on a gRPC thread, after two seconds at most; errors: Unavailable with the reason.
  void AskReadIndex(const std::string& endpoint, const std::string& cluster, Proof proof,
                    std::function<void(const absl::StatusOr<LogIndex>&)> answer);
  // The answer holds those of `indexes` that the server knows.
  void AskStateHashes(
      const std::string& endpoint, const std::string& cluster, const std::vector<LogIndex>& indexes,
      std::function<void(const absl::StatusOr<std::map<LogIndex, StateHash>>&)> answer);

  // Asks for the position of the server's log, and whether its disk is full. Unavailable also while
  // that server is being rebuilt.
  void AskLogState(const std::string& endpoint, const std::string& cluster,
                   std::function<void(const absl::StatusOr<internal::LogStateReply>&)> answer);

  // Asks the leader, which should be the server at `endpoint`, to let `node` lead, empty: any other
  // member. The answer says who leads then, after some seconds at most; errors: FailedPrecondition
  // of the leader, everything else is Unavailable.
  void AskTransfer(const std::string& endpoint, const std::string& cluster, const std::string& node,
                   std::function<void(const absl::StatusOr<internal::TransferReply>&)> answer);

  // Ends all unanswered forwarded writes and questions, and refuses later ones, because the server
  // is shutting down. Whether such a write was applied is unknown. No answer comes afterwards.
  // Idempotent.
  void Stop();

 private:
  // Connections, one for writes and one for questions, which are given up at different times.
  struct Server {
    explicit Server(const std::string& endpoint);
    v1::KeyValue::Stub key_value;
    internal::Peer::Stub peer;
  };
  // A call under way.
  struct Call {
    size_t bytes = 0;        // of a forwarded request
    std::string written_to;  // where it was forwarded to; empty for a question
  };

  Server& To(const std::string& endpoint);
  template <typename Request, typename Reply>
  void Ask(const std::string& endpoint, Request request, std::chrono::seconds patience,
           std::function<void(const grpc::Status&, const Reply&)> answer);
  // Registers a call. Errors: ResourceExhausted if too much is under way, Unavailable once the
  // server is shutting down. A question always has room.
  [[nodiscard]] absl::Status Begin(const std::shared_ptr<grpc::ClientContext>& context, Call call);
  // Why a forwarded call has no answer.
  [[nodiscard]] std::string WhyUnanswered(const grpc::Status& status);
  // Removes a call, so that its bytes are free again.
  void MakeRoom(const std::shared_ptr<grpc::ClientContext>& call);
  void End(const std::shared_ptr<grpc::ClientContext>& call);

  const size_t passed_on_bytes_max_;
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::shared_ptr<grpc::ClientContext>, Call> calls_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of all
  Condition ended_;                           // a call
  // As SetLeader() was told, and since when.
  std::string leader_ ABSL_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point leads_since_ ABSL_GUARDED_BY(mutex_);
  // Never removed: there are only as many as the cluster has members.
  std::map<std::string, std::unique_ptr<Server>> servers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
