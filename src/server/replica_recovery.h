// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "disk/disk_reserve.h"
#include "log/ratis/membership.h"
#include "log/ratis/ratis_log.h"
#include "server/recent_hashes.h"
#include "service/peer_link.h"
#include "snapshot/image_store.h"
#include "state/state_machine.h"

namespace tripla {

// A replica after its recovery: the state of its newest image, and the log, which applies the
// following records as soon as a leader says that they are committed.
struct RecoveredReplica {
  std::unique_ptr<StateMachine> machine;
  std::unique_ptr<RecentHashes> hashes;  // of the machine
  std::unique_ptr<MemberStarts> starts;  // this start is counted
  std::unique_ptr<RatisLog> log;
};

struct ReplicaSettings {
  uint64_t data_bytes_max = 0;                 // of one value
  std::string raft_listen;                     // as RatisLog::Settings::listen
  bool read_lease = true;                      // as RatisLog::Settings::read_lease
  std::function<std::string()> why_not_begun;  // as RatisLog::Hooks
};

// All arguments but `membership` and `settings` outlive the result.
//
// Errors: DataLoss when the newest image is damaged and cannot be replaced; those of
// RatisLog::Open().
[[nodiscard]] absl::StatusOr<RecoveredReplica> RecoverReplica(const DataDirectory& directory,
                                                              const Membership& membership,
                                                              const ReplicaSettings& settings,
                                                              ImageStore& images, PeerLink& peers,
                                                              const DiskReserve& disk_reserve);

}  // namespace tripla
