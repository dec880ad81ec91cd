// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "batch/batcher.h"
#include "disk/data_directory.h"
#include "disk/disk_reserve.h"
#include "log/log.h"
#include "server/housekeeping.h"
#include "server/options.h"
#include "service/admin_service.h"
#include "service/key_value_service.h"
#include "snapshot/image_store.h"
#include "snapshot/snapshot_schedule.h"
#include "state/state_machine.h"

namespace tripla {

// One standalone server: where all rooms meet. It recovers what the data directory holds, serves it
// over gRPC, and lets go of it in the reverse order.
//
// Thread-safety: Start() and Shutdown() from one thread.
class Server {
 public:
  // Serves when it returns.
  //
  // Errors, each with what, why and what next: DataLoss when the data is damaged;
  // FailedPrecondition when the directory is another process's or no data directory; Unavailable
  // when it cannot listen; what DataDirectory, ImageStore and LocalLog say.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options);

  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // HOST:PORT, with the port that was taken when 0 was asked for.
  [[nodiscard]] const std::string& address() const { return address_; }

  // Refuses new calls, answers those in flight, makes everything durable. Idempotent.
  void Shutdown();

 private:
  Server(const Options& options, DataDirectory directory);

  // Loads the newest image, replays the log after it, and opens the log for what comes.
  absl::Status Recover(const Options& options);
  // With `--log off`: brings what an earlier log still holds into an image.
  absl::Status ReplaceLogByImage();
  absl::Status Listen(const Options& options);
  // Waits until everything applied is in an image.
  void WriteLastImage();

  // In the order of use: what stands below is destroyed first.
  DataDirectory directory_;
  DiskReserve disk_reserve_;
  Housekeeping housekeeping_;
  ImageStore images_;
  std::unique_ptr<StateMachine> machine_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<SnapshotSchedule> snapshots_;
  std::unique_ptr<Batcher> batcher_;
  std::unique_ptr<KeyValueService> key_value_service_;
  std::unique_ptr<AdminService> admin_service_;
  std::unique_ptr<grpc::Server> grpc_server_;
  std::string address_;
  bool image_at_shutdown_ = false;
};

}  // namespace tripla
