// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "batch/batcher.h"
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "model/command.h"
#include "rpc/methods.h"
#include "service/cluster_room.h"
#include "service/peer_link.h"
#include "service/unsent_replies.h"
#include "state/state_machine.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// The five operations and Batch over gRPC (R4-R8, R12, R15). Reads are answered from the newest
// published state, once the log says that it is new enough (on a standalone server at once). Writes
// are checked, queued, and answered when their batch is durable and applied. A follower forwards
// writes to the leader.
//
// Thread-safety: that of handlers.
class KeyValueService {
 public:
  // The parts that it uses; all outlive the service.
  struct Parts {
    const StateMachine& machine;
    Log& log;
    Batcher& batcher;
    const DiskReserve& disk_reserve;
    // Of a replica, else null.
    PeerLink* peers = nullptr;
    const ClusterRoom* cluster_room = nullptr;
  };

  // `data_bytes_max`: limit of one value (R14).
  KeyValueService(const Parts& parts, size_t data_bytes_max,
                  const UnsentReplies::Times& reply_times = UnsentReplies::Times());

  // Ends the calls that wait for room for their replies. For a stop, once every write is answered.
  void EndWaits() { unsent_replies_.Stop(); }

  // Adds its methods. It outlives the server.
  void AddTo(rpc::Methods& methods);

 private:
  using BatchRequestPtr = std::shared_ptr<const v1::BatchRequest>;

  void Get(rpc::CallPtr call, const v1::GetRequest& request);
  void Batch(rpc::CallPtr call, v1::BatchRequest request);
  template <typename Request>
  void Write(rpc::CallPtr call, Request request, absl::StatusOr<Command> command);
  // Forwards the call if another server is the leader; ends it if no leader is known. False when
  // this server is to queue `write`, which is the same call.
  template <typename Request>
  bool PassedOn(const PendingCallPtr& call, Request& request, const PendingWrite& write);
  void RefuseWithoutLeader(PendingCall& call, const std::string& endpoint) const;
  // Whether the write was decided before and its outcome is remembered: then it has its answer now,
  // though no other can be taken.
  [[nodiscard]] bool Recalled(const PendingWrite& write) const;
  // Admits a write to the disks, until the write is destroyed.
  [[nodiscard]] absl::Status Admit(PendingWrite& write) const;
  // Whether the largest write would be refused.
  [[nodiscard]] bool IsShortOfDisk() const;
  // Queues a write, or refuses it.
  void Enqueue(PendingCall& pending, PendingWrite write);
  // Calls `answer` once the state may be read with this consistency.
  void Read(bool stale, Log::ReadableFn answer);
  // Reads and answers, now or when there is room for the reply.
  void AnswerGet(const PendingCallPtr& call, const Key& key);
  void AnswerGets(const PendingCallPtr& call, const BatchRequestPtr& request,
                  const std::vector<Command>& gets);

  const Parts parts_;
  const size_t data_bytes_max_;
  UnsentReplies unsent_replies_;
};

}  // namespace tripla
