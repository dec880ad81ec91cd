// SPDX-License-Identifier: Apache-2.0
#include "server/replication.h"

#include <fmt/core.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/quantity.h"
#include "base/status_macros.h"
#include "model/limits.h"
#include "server/formation.h"
#include "server/grpc_library.h"
#include "server/stopped_state.h"

namespace tripla {

namespace {

// As RatisLog::Hooks::why_not_begun.
std::string WhyNotBegun(const ClusterRoom* room) {
  return room == nullptr ? "" : std::string(room->Check(ClusterRoom::Write::kRemoves).message());
}

}  // namespace

absl::Status Replication::CheckNode(const Options& options) {
  if (options.node.empty()) return absl::OkStatus();
  std::string is = "missing or empty";
  if (const auto directory = DataDirectory::OpenReadOnly(PosixDisk(), options.data_dir);
      directory.ok()) {
    TRIPLA_ASSIGN_OR_RETURN(const auto membership, ReadMembership(*directory));
    if (membership && membership->node == options.node) return absl::OkStatus();
    is = membership ? "replica " + membership->node + "'s" : "a standalone server's";
  } else if (!absl::IsNotFound(directory.status()) &&
             !absl::IsFailedPrecondition(directory.status())) {
    return directory.status();
  }
  return absl::FailedPreconditionError(fmt::format(
      "{} is {}, not replica {}'s; prepare a new replica with triplad init; one that has run "
      "before needs its own directory back, because without its votes the cluster could lose "
      "acknowledged writes",
      options.data_dir, is, options.node));
}

absl::Status Replication::FitOptions(const Membership& membership, Options& options) {
  if (!options.log || options.fsync.mode != FsyncPolicy::Mode::kAlways) {
    return absl::InvalidArgumentError(
        "--log and --fsync are for a standalone server: a replica always keeps a log and syncs it; "
        "leave them out");
  }
  if (options.data_bytes_max > limits::kReplicaDataBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("--data-bytes-max is more than a replica can take; {} at most",
                    ByteSizeText(limits::kReplicaDataBytesMax)));
  }
  if (options.listen.empty()) options.listen = membership.self().client_endpoint;
  return absl::OkStatus();
}

absl::StatusOr<Replication::Started> Replication::Start(const Parts& parts, Membership membership,
                                                        const Options& options) {
  PrepareGrpc();
  if (!membership.is_formed()) {
    TRIPLA_RETURN_IF_ERROR(Replica::CheckInstalled());
    TRIPLA_RETURN_IF_ERROR(CheckOrigin(parts.directory, membership));
    TRIPLA_ASSIGN_OR_RETURN(membership, FormCluster(parts.directory, membership, options.listen));
  }
  TRIPLA_RETURN_IF_ERROR(PrepareFirstStart(parts.directory, membership));
  auto peer_link = std::make_unique<PeerLink>();
  // Known below. The log asks for it only when it is asked for reads.
  const auto room = std::make_shared<const ClusterRoom*>(nullptr);
  TRIPLA_ASSIGN_OR_RETURN(RecoveredReplica recovered,
                          RecoverReplica(parts.directory, membership,
                                         {.data_bytes_max = options.data_bytes_max,
                                          .raft_listen = options.raft_listen,
                                          .read_lease = options.read_lease,
                                          .why_not_begun = [room] { return WhyNotBegun(*room); }},
                                         parts.images, *peer_link, parts.disk_reserve));
  std::unique_ptr<Replication> replication(new Replication(
      parts, std::move(membership), options.level_max, std::move(peer_link), recovered));
  *room = &replication->cluster_room_;
  return Started{.machine = std::move(recovered.machine),
                 .replication = std::move(replication),
                 .log = std::move(recovered.log)};
}

Replication::Replication(const Parts& parts, Membership membership, Level level_max,
                         std::unique_ptr<PeerLink> peer_link, RecoveredReplica& recovered)
    : disk_reserve_(parts.disk_reserve),
      membership_(std::move(membership)),
      peer_link_(std::move(peer_link)),
      hashes_(std::move(recovered.hashes)),
      starts_(std::move(recovered.starts)),
      machine_(*recovered.machine),
      log_(*recovered.log),
      peer_service_(membership_, *starts_, SourcesOfPeerService(level_max)),
      cluster_room_(membership_.node, others(), SourcesOfClusterRoom()),
      leadership_transfer_(membership_, log_, *peer_link_),
      state_comparison_(std::make_unique<StateComparison>(
          membership_, machine_, *hashes_,
          [this](const Member& member, const std::vector<LogIndex>& indexes,
                 StateComparison::AnswerFn answer) {
            peer_link_->AskStateHashes(member.client_endpoint, membership_.cluster, indexes,
                                       std::move(answer));
          })) {}

PeerService::Sources Replication::SourcesOfPeerService(Level level_max) {
  return {
      .confirm_read_index =
          [this](Proof proof, ReadRounds::AnswerFn answer) {
            log_.ConfirmReadIndex(proof, std::move(answer));
          },
      .state_hashes = [this] { return StateComparison::Known(machine_, *hashes_); },
      .log_state = [this] { return log_.KnownState(); },
      .fill_room = [this](internal::LogStateReply& reply) { FillRoom(reply); },
      .levels = [this] { return Levels{.reached = machine_.GetSummary().level}; },
      .level_max = level_max,
      .note_starts = [this](const std::string& node,
                            const Starts& said) { return log_.NoteStarts(node, said); },
      .disconnect = [this](const std::string& node) { log_.Disconnect(node); },
      .transfer =
          [this](const std::string& node, LeadershipTransfer::DoneFn done) {
            leadership_transfer_.AskHere(node, std::move(done));
          },
      .answers =
          [this](const std::string& node, std::function<void(bool)> answer) {
            AskLogState(node,
                        [answer = std::move(answer)](const auto& reply) { answer(reply.ok()); });
          },
  };
}

ClusterRoom::Sources Replication::SourcesOfClusterRoom() {
  const auto own = [this] {
    internal::LogStateReply state;
    FillRoom(state);
    if (const auto known = log_.KnownState(); known.ok()) state.set_last_index(known->index);
    return state;
  };
  const auto lead = [this] {
    if (log_.Leads()) return ClusterRoom::Lead::kYes;
    const bool elected = log_.GetLeadership().role == "leader";
    return elected ? ClusterRoom::Lead::kElected : ClusterRoom::Lead::kNo;
  };
  return {.lead = lead,
          .own = own,
          .ask = [this](const std::string& node, ClusterRoom::AnswerFn answer) {
            AskLogState(node, std::move(answer));
          }};
}

void Replication::FillRoom(internal::LogStateReply& reply) const {
  reply.set_disk_full(disk_reserve_.is_full());
  reply.set_takes_no_entries(!disk_reserve_.takes_entries());
  reply.set_room(disk_reserve_.RoomText());
}

std::vector<std::string> Replication::others() const {
  std::vector<std::string> others;
  for (const Member& member : membership_.members) {
    if (member.node != membership_.node) others.push_back(member.node);
  }
  return others;
}

void Replication::AskLogState(const std::string& node, ClusterRoom::AnswerFn answer) {
  peer_link_->AskLogState(membership_.Find(node)->client_endpoint, membership_.cluster,
                          std::move(answer));
}

void Replication::Look() {
  peer_link_->SetLeader(log_.GetLeadership().leader_endpoint);
  cluster_room_.Look();
  log_.WatchLease();
  if (disk_reserve_.is_full()) HandOverForRoom();
}

void Replication::HandOverForRoom() {
  const std::string successor = cluster_room_.Successor();
  if (!successor.empty()) {
    log_.TransferLeadership(successor, "its disk is too full to write");
  }
}

void Replication::BeginStop() {
  leadership_transfer_.Stop();
  state_comparison_ = nullptr;
}

void Replication::Stop() {
  log_.Stop();
  peer_link_->Stop();
}

}  // namespace tripla
