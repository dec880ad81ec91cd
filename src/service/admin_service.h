// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "rpc/methods.h"
#include "service/cluster_room.h"
#include "snapshot/image_store.h"
#include "snapshot/snapshot_schedule.h"
#include "state/state_machine.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// The status of a server, images and another leader on request (spec 5).
//
// Thread-safety: that of handlers.
class AdminService {
 public:
  // The parts that it uses; all outlive the service.
  struct Parts {
    const StateMachine& machine;
    const Log& log;
    const ImageStore& images;
    SnapshotSchedule& snapshots;
    const DiskReserve& disk_reserve;
    // OK when the health service says that tripla.v1.KeyValue is serving; else why it does not.
    std::function<absl::Status()> ready;
    // As LevelRaise::held_back().
    std::function<std::string()> level_held_back;
    // Of a replica, else null. `transfer`: as LeadershipTransfer::Ask().
    const ClusterRoom* cluster_room = nullptr;
    std::function<void(const std::string& node, Log::LeadershipFn)> transfer = nullptr;
  };

  // `data_bytes_max` is the limit of one value that the status shows (R14).
  AdminService(const Parts& parts, size_t data_bytes_max);

  // Adds its methods. It outlives the server.
  void AddTo(rpc::Methods& methods);

 private:
  [[nodiscard]] v1::StatusReply Status() const;
  void Snapshot(const rpc::CallPtr& call);
  void Transfer(const rpc::CallPtr& call, const std::string& node);
  void FillState(v1::StatusReply& reply) const;
  void FillLeadership(v1::StatusReply& reply) const;
  void FillMembers(v1::StatusReply& reply) const;
  void FillLimits(v1::StatusReply& reply) const;
  void FillDisk(v1::StatusReply& reply) const;

  const Parts parts_;
  const size_t data_bytes_max_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace tripla
