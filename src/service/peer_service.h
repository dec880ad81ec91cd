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
#include "rpc/methods.h"
#include "state/state_summary.h"
#include "tripla/internal/peer.pb.h"

namespace tripla {

// Answers the other servers of the cluster.
//
// Thread-safety: that of handlers.
class PeerService {
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

  // Adds its methods. It outlives the server.
  void AddTo(rpc::Methods& methods);

 private:
  void ReadIndex(const rpc::CallPtr& call, const internal::ReadIndexRequest& request) const;
  void StateHashes(rpc::Call& call, const internal::StateHashesRequest& request) const;
  void LogState(rpc::Call& call, const internal::LogStateRequest& request) const;
  void Replace(const rpc::CallPtr& call, const internal::ReplaceRequest& request) const;
  void Form(rpc::Call& call, const internal::FormRequest& request) const;
  void Transfer(const rpc::CallPtr& call, const internal::TransferRequest& request) const;

  // OK when `cluster` is this server's; its address may have belonged to another cluster before.
  [[nodiscard]] rpc::Status Check(const std::string& cluster) const;
  [[nodiscard]] rpc::Status FillLogState(internal::LogStateReply& reply) const;
  [[nodiscard]] rpc::Status CheckReplace(const internal::ReplaceRequest& request) const;
  [[nodiscard]] rpc::Status NoteReplaced(const internal::ReplaceRequest& request) const;
  [[nodiscard]] rpc::Status FillForm(const internal::FormRequest& request,
                                     internal::FormReply& reply) const;

  const Membership membership_;
  MemberStarts& starts_;
  const Sources sources_;
};

// Why a server with other members can have no part in the cluster of this one; OK when they are the
// same.
[[nodiscard]] rpc::Status CheckMembersAgree(const Membership& membership,
                                            const std::string& members);

void ToProto(const Start& start, internal::Start& to);
[[nodiscard]] Start FromProto(const internal::Start& start);

}  // namespace tripla
