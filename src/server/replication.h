// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "server/leadership_transfer.h"
#include "server/options.h"
#include "server/recent_hashes.h"
#include "server/replica_recovery.h"
#include "server/state_comparison.h"
#include "service/cluster_room.h"
#include "service/peer_link.h"
#include "service/peer_service.h"
#include "snapshot/image_store.h"
#include "state/state_machine.h"

namespace tripla {

// All that a replica has beside a server that stands alone: who the others are, what it asks and
// answers them, and what it does about them. A server that stands alone has none.
//
// Thread-safety: Look() from one thread, BeginStop() and Stop() from one thread, the rest from any.
class Replication {
 public:
  // The parts of every server that it works with; all outlive it, and the log that it starts.
  struct Parts {
    DataDirectory& directory;
    ImageStore& images;
    const DiskReserve& disk_reserve;
  };

  // The result of Start(). `log` is destroyed before `replication` and `machine`.
  struct Started {
    std::unique_ptr<StateMachine> machine;  // as the newest image has it
    std::unique_ptr<Replication> replication;
    std::unique_ptr<Log> log;  // applies to the machine what follows
  };

  // OK when the directory belongs to the replica that --node names, or none is named. An empty
  // directory in place of a lost one would be a voter that has forgotten its vote.
  [[nodiscard]] static absl::Status CheckNode(const Options& options);

  // Refuses what a replica cannot do, and fills in the address that the cluster knows.
  //
  // Errors: InvalidArgument.
  [[nodiscard]] static absl::Status FitOptions(const Membership& membership, Options& options);

  // Waits until the cluster is formed if it is not yet, then recovers the replica and lets it take
  // part in the cluster.
  //
  // Errors: those of FormCluster() and RecoverReplica().
  [[nodiscard]] static absl::StatusOr<Started> Start(const Parts& parts, Membership membership,
                                                     const Options& options);

  Replication(const Replication&) = delete;
  Replication& operator=(const Replication&) = delete;

  // The nodes beside this one.
  [[nodiscard]] std::vector<std::string> others() const;
  [[nodiscard]] PeerLink& peer_link() { return *peer_link_; }
  [[nodiscard]] const ClusterRoom& cluster_room() const { return cluster_room_; }
  [[nodiscard]] LeadershipTransfer& leadership_transfer() { return leadership_transfer_; }
  // Answers the others.
  [[nodiscard]] PeerService& peer_service() { return peer_service_; }

  // As PeerLink::AskLogState(), of another member.
  void AskLogState(const std::string& node, ClusterRoom::AnswerFn answer);

  // Looks at who leads, at the room on all servers' disks and at the leader's lease; while this
  // server's disk is full, it lets a replica with room lead, which takes a second or two. To be
  // repeated.
  void Look();

  // Ends transfers of leadership that were asked for, and the comparison of states.
  void BeginStop();

  // Hands leadership over, ends the log, and answers what waits for it or for other replicas.
  // Call it when nothing submits to the log any more. Idempotent.
  void Stop();

 private:
  // Leaves machine and log in `recovered`; both outlive it.
  Replication(const Parts& parts, Membership membership, Level level_max,
              std::unique_ptr<PeerLink> peer_link, RecoveredReplica& recovered);

  [[nodiscard]] PeerService::Sources SourcesOfPeerService(Level level_max);
  [[nodiscard]] ClusterRoom::Sources SourcesOfClusterRoom();
  void HandOverForRoom();
  // Fills in what other servers are told of this one's disk, as the last look found it.
  void FillRoom(internal::LogStateReply& reply) const;

  // In the order of use: members further down are destroyed first.
  const DiskReserve& disk_reserve_;
  const Membership membership_;
  const std::unique_ptr<PeerLink> peer_link_;
  const std::unique_ptr<RecentHashes> hashes_;
  const std::unique_ptr<MemberStarts> starts_;
  const StateMachine& machine_;
  RatisLog& log_;
  PeerService peer_service_;
  ClusterRoom cluster_room_;
  LeadershipTransfer leadership_transfer_;
  std::unique_ptr<StateComparison> state_comparison_;  // null after BeginStop()
};

}  // namespace tripla
