// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "batch/batcher.h"
#include "disk/data_directory.h"
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "server/housekeeping.h"
#include "server/level_raise.h"
#include "server/options.h"
#include "server/readiness.h"
#include "server/replication.h"
#include "server/transport.h"
#include "service/admin_service.h"
#include "service/key_value_service.h"
#include "snapshot/image_store.h"
#include "snapshot/snapshot_schedule.h"
#include "state/state_machine.h"

namespace tripla {

// One server, standalone or a replica. It connects all parts: recovers the data directory, serves
// it over gRPC, and shuts down in the reverse order.
//
// Thread-safety: Start() and Shutdown() from one thread.
class Server {
 public:
  // How long Start() waits for a data directory that another process holds. After kill -9 the
  // system takes seconds to end a process with much memory.
  static constexpr std::chrono::seconds kHolderPatience{5};

  // The server listens when this returns. Once it is ready, at once or when the cluster has a
  // leader, it prints "ready on HOST:PORT" and the health service says so.
  //
  // Errors, each with what, why and what next: DataLoss when the data is damaged;
  // FailedPrecondition when the directory is used by another process, belongs to another replica or
  // is not a data directory; Unavailable when it cannot listen; errors of DataDirectory,
  // ImageStore, LocalLog and RatisLog.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options);

  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  [[nodiscard]] bool is_replica() const { return replication_ != nullptr; }

  // Abandons an image that is being written, refuses new calls, answers those in flight, makes
  // everything durable. Idempotent: a second call does nothing and returns OK.
  //
  // Errors: with `--log off`, why the last image could not be written; writes after the image
  // before it are lost then.
  [[nodiscard]] absl::Status Shutdown();

 private:
  Server(const Options& options, DataDirectory directory, DiskReserve::Owner owner);

  // Loads the newest image and opens the log, which applies the records after the image.
  absl::Status RecoverStandalone(const Options& options);
  absl::Status RecoverReplica(const Options& options, const Membership& membership);
  // Writes an image of everything applied. For `--log off`: at the start for the content of an
  // earlier log, and at the stop.
  absl::Status WriteImageOfAll();
  absl::Status Listen(const Options& options);
  // Starts to watch the free disk space and to make room when there is little.
  void WatchDisk();
  // OK: it is ready; else why it is not.
  void SetReady(const absl::Status& ready);
  absl::Status WriteLastImage();

  // In the order of use: members further down are destroyed first.
  DataDirectory directory_;
  DiskReserve disk_reserve_;
  ImageStore images_;
  std::unique_ptr<StateMachine> machine_;
  std::unique_ptr<Replication> replication_;  // null: it stands alone
  std::unique_ptr<Log> log_;
  std::unique_ptr<Housekeeping> housekeeping_;
  std::unique_ptr<SnapshotSchedule> snapshots_;
  std::unique_ptr<Batcher> batcher_;
  std::unique_ptr<LevelRaise> level_raise_;
  std::unique_ptr<KeyValueService> key_value_service_;
  std::unique_ptr<AdminService> admin_service_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Readiness> readiness_;
  bool image_at_shutdown_ = false;
  mutable Mutex ready_mutex_;
  absl::Status ready_ ABSL_GUARDED_BY(ready_mutex_) = absl::UnavailableError("it has just started");
};

}  // namespace tripla
