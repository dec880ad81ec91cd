// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "log/ratis/read_rounds.h"
#include "model/log_position.h"
#include "state/state_summary.h"
#include "tripla/internal/peer.grpc.pb.h"

namespace tripla {

// Answers the other servers of the cluster.
//
// Thread-safety: gRPC calls it from many threads; it never blocks one.
class PeerService : public internal::Peer::CallbackService {
 public:
  // The sources of its answers.
  struct Sources {
    // As RatisLog::ConfirmReadIndex().
    std::function<void(Proof, ReadRounds::AnswerFn)> confirm_read_index;
    // As StateComparison::Known().
    std::function<std::map<LogIndex, StateHash>()> state_hashes;
    // As RatisLog::GetStats().last; an error while the replica may lack records it acknowledged.
    std::function<absl::StatusOr<LogPosition>()> log_state;
    std::function<bool()> disk_full;
  };

  // `cluster` is the id of this server's cluster.
  PeerService(std::string cluster, Sources sources);

  grpc::ServerUnaryReactor* ReadIndex(grpc::CallbackServerContext* context,
                                      const internal::ReadIndexRequest* request,
                                      internal::ReadIndexReply* reply) override;
  grpc::ServerUnaryReactor* StateHashes(grpc::CallbackServerContext* context,
                                        const internal::StateHashesRequest* request,
                                        internal::StateHashesReply* reply) override;
  grpc::ServerUnaryReactor* LogState(grpc::CallbackServerContext* context,
                                     const internal::LogStateRequest* request,
                                     internal::LogStateReply* reply) override;

 private:
  // OK when `cluster` is this server's; its address may have belonged to another cluster before.
  [[nodiscard]] grpc::Status Check(const std::string& cluster) const;

  const std::string cluster_;
  const Sources sources_;
};

}  // namespace tripla
