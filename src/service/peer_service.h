// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "log/log.h"
#include "log/ratis/membership.h"
#include "log/ratis/read_rounds.h"
#include "log/ratis/starts.h"
#include "model/level.h"
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
    // Fills in what LogStateReply says of the disk.
    std::function<void(internal::LogStateReply&)> fill_room;
    std::function<Levels()> levels;
    Level level_max = kHighestLevel;  // what this server lets be reached
    // As MemberStarts::Note(), but a failed disk ends the process.
    std::function<absl::Status(const std::string& node, const Starts&)> note_starts;
    // From now on nothing is exchanged with this member but by a later start of it.
    std::function<void(const std::string& node)> disconnect;
    // As LeadershipTransfer::AskHere().
    std::function<void(const std::string& node, Log::LeadershipFn)> transfer;
    // Whether another member answers where it serves clients. Must not block.
    std::function<void(const std::string& node, std::function<void(bool)>)> answers;
  };

  // Of a server with this membership, of a cluster that is formed. `starts` outlives the service.
  PeerService(const Membership& membership, MemberStarts& starts, Sources sources);

  grpc::ServerUnaryReactor* ReadIndex(grpc::CallbackServerContext* context,
                                      const internal::ReadIndexRequest* request,
                                      internal::ReadIndexReply* reply) override;
  grpc::ServerUnaryReactor* StateHashes(grpc::CallbackServerContext* context,
                                        const internal::StateHashesRequest* request,
                                        internal::StateHashesReply* reply) override;
  grpc::ServerUnaryReactor* LogState(grpc::CallbackServerContext* context,
                                     const internal::LogStateRequest* request,
                                     internal::LogStateReply* reply) override;
  grpc::ServerUnaryReactor* Replace(grpc::CallbackServerContext* context,
                                    const internal::ReplaceRequest* request,
                                    internal::LogStateReply* reply) override;
  grpc::ServerUnaryReactor* Form(grpc::CallbackServerContext* context,
                                 const internal::FormRequest* request,
                                 internal::FormReply* reply) override;
  grpc::ServerUnaryReactor* Transfer(grpc::CallbackServerContext* context,
                                     const internal::TransferRequest* request,
                                     internal::TransferReply* reply) override;

 private:
  // OK when `cluster` is this server's; its address may have belonged to another cluster before.
  [[nodiscard]] grpc::Status Check(const std::string& cluster) const;
  [[nodiscard]] grpc::Status FillLogState(internal::LogStateReply& reply) const;
  [[nodiscard]] grpc::Status CheckReplace(const internal::ReplaceRequest& request) const;
  [[nodiscard]] grpc::Status NoteReplaced(const internal::ReplaceRequest& request) const;
  [[nodiscard]] grpc::Status FillForm(const internal::FormRequest& request,
                                      internal::FormReply& reply) const;

  const Membership membership_;
  MemberStarts& starts_;
  const Sources sources_;
};

// Why a server with other members can have no part in the cluster of this one; OK when they are the
// same.
[[nodiscard]] grpc::Status CheckMembersAgree(const Membership& membership,
                                             const std::string& members);

void ToProto(const Start& start, internal::Start& to);
[[nodiscard]] Start FromProto(const internal::Start& start);

}  // namespace tripla
