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
#include "service/cluster_room.h"
#include "snapshot/image_store.h"
#include "snapshot/snapshot_schedule.h"
#include "state/state_machine.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// The status of a server, images and another leader on request (spec 5).
//
// Thread-safety: gRPC calls it from many threads; it never blocks one.
class AdminService : public v1::Admin::CallbackService {
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

  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const v1::StatusRequest* request,
                                   v1::StatusReply* reply) override;
  grpc::ServerUnaryReactor* Snapshot(grpc::CallbackServerContext* context,
                                     const v1::SnapshotRequest* request,
                                     v1::SnapshotReply* reply) override;
  grpc::ServerUnaryReactor* Transfer(grpc::CallbackServerContext* context,
                                     const v1::TransferRequest* request,
                                     v1::TransferReply* reply) override;

 private:
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
