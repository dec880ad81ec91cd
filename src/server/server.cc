// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/descriptors.h"
#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "log/memory_log.h"
#include "server/descriptor_limit.h"
#include "server/directory_modes.h"
#include "server/signals.h"
#include "server/standalone_recovery.h"
#include "snapshot/image_format.h"

namespace tripla {
namespace {

constexpr char kDefaultListen[] = "127.0.0.1:7420";

// The usual size of a segment, or less on a small disk: the log needs space for two of them in
// addition to the images.
uint64_t SegmentBytes(const DataDirectory& directory) {
  constexpr uint64_t kSmallest = uint64_t{1} << 20;
  constexpr uint64_t kPartOfASmallDisk = 64;
  const uint64_t usual = LocalLog::Options().segment_bytes;
  const absl::StatusOr<DiskSpace> space = directory.disk().Space(directory.log_path());
  if (!space.ok()) return usual;
  const uint64_t part = space->total_bytes / kPartOfASmallDisk / kSmallest * kSmallest;
  return std::clamp(part, kSmallest, usual);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& given) {
  const DescriptorLimit descriptors = RaiseDescriptorLimit();
  TRIPLA_RETURN_IF_ERROR(CheckDescriptors(kDescriptorsLeast));
  TRIPLA_RETURN_IF_ERROR(Replication::CheckNode(given));
  TRIPLA_ASSIGN_OR_RETURN(DataDirectory directory,
                          DataDirectory::Open(PosixDisk(), given.data_dir, kHolderPatience));
  TRIPLA_ASSIGN_OR_RETURN(const std::optional<Membership> membership, ReadMembership(directory));
  Options options = given;
  if (membership) TRIPLA_RETURN_IF_ERROR(Replication::FitOptions(*membership, options));
  if (options.listen.empty()) options.listen = kDefaultListen;
  std::unique_ptr<Server> server(
      new Server(options, std::move(directory),
                 membership ? DiskReserve::Owner::kReplica : DiskReserve::Owner::kStandalone));
  // Before the recovery, which may take long.
  TRIPLA_RETURN_IF_ERROR(CheckListening(options.listen));
  TRIPLA_RETURN_IF_ERROR(membership ? server->RecoverReplica(options, *membership)
                                    : server->RecoverStandalone(options));
  server->snapshots_ = std::make_unique<SnapshotSchedule>(
      server->images_, *server->machine_, *server->log_,
      SnapshotSchedule::Options{.interval = options.snapshot_interval,
                                .random_times = membership.has_value(),
                                .scrub_interval = options.scrub_interval});
  server->batcher_ = std::make_unique<Batcher>(*server->log_);
  server->level_raise_ =
      std::make_unique<LevelRaise>(LevelRaise::Parts{*server->machine_, *server->log_,
                                                     *server->batcher_, server->replication_.get()},
                                   options.level_max);
  // One that stands alone raises the level before any client's write.
  server->level_raise_->Step();
  server->WatchDisk();
  Say(descriptors);
  WarnOfWideDirectories(server->directory_);
  StopInOrderFromNowOn();
  TRIPLA_RETURN_IF_ERROR(server->Listen(options));
  return server;
}

void Server::WatchDisk() {
  const auto look = [this] {
    absl::Status held = directory_.CheckHold();
    held.Update(log_->CheckFiles());
    if (!held.ok()) Die(std::string(held.message()));
    machine_->Reclaim();
    level_raise_->Step();
    if (replication_ != nullptr) replication_->Look();
  };
  const auto tight = [this] {
    snapshots_->MakeRoom(disk_reserve_.HasRoomForImage(snapshots_->NextImage().bytes_left));
  };
  housekeeping_ = std::make_unique<Housekeeping>(
      disk_reserve_,
      Housekeeping::Hooks{
          .next_image = [this] { return snapshots_->NextImage(); }, .tight = tight, .look = look});
}

Server::Server(const Options& options, DataDirectory directory, DiskReserve::Owner owner)
    : directory_(std::move(directory)),
      disk_reserve_(directory_.disk(), directory_.log_path(), directory_.image_path(),
                    options.disk_reserve_bytes, owner),
      images_(directory_),
      image_at_shutdown_(!options.log) {}

Server::~Server() { Shutdown().IgnoreError(); }

absl::Status Server::RecoverStandalone(const Options& options) {
  // The schedule exists before the first segment is made.
  const auto next_image = [this] { return snapshots_->NextImage(); };
  LocalLog::Options of_log{.fsync = options.fsync, .segment_bytes = SegmentBytes(directory_)};
  of_log.room = [=, this](uint64_t bytes) {
    return disk_reserve_.CheckSegment(bytes, next_image());
  };
  of_log.await_room = [=, this](uint64_t bytes) {
    return disk_reserve_.AwaitSegment(bytes, next_image);
  };
  TRIPLA_ASSIGN_OR_RETURN(RecoveredStandalone recovered,
                          tripla::RecoverStandalone(directory_, of_log, images_));
  machine_ = std::move(recovered.machine);
  log_ = std::move(recovered.log);
  const LogPosition reached = machine_->GetSummary().position;
  Say(Severity::kInfo,
      fmt::format("{}: {} entries at revision {}; {}, {} more from the log", directory_.path(),
                  machine_->GetSummary().keys, machine_->GetSummary().revision,
                  recovered.of_image == 0
                      ? "no image"
                      : fmt::format("records 1 to {} from the image", recovered.of_image),
                  reached.index - recovered.of_image));
  if (!options.log) {
    TRIPLA_RETURN_IF_ERROR(WriteImageOfAll());
    log_ = std::make_unique<MemoryLog>(reached, [this](LogPosition position, const Batch& batch) {
      return machine_->Apply(position, batch);
    });
    TRIPLA_RETURN_IF_ERROR(NoteLogOff(directory_, image::LogIdOf(*images_.owner()), reached.index));
  }
  return absl::OkStatus();
}

absl::Status Server::RecoverReplica(const Options& options, const Membership& membership) {
  TRIPLA_ASSIGN_OR_RETURN(
      Replication::Started started,
      Replication::Start({directory_, images_, disk_reserve_}, membership, options));
  machine_ = std::move(started.machine);
  replication_ = std::move(started.replication);
  log_ = std::move(started.log);
  return absl::OkStatus();
}

absl::Status Server::WriteImageOfAll() {
  const std::optional<ImageSummary> newest = images_.newest();
  const StateView view = machine_->Freeze();
  if (view.summary().position.index == (newest ? newest->position.index : 0)) {
    return absl::OkStatus();
  }
  const std::atomic<bool> never_abandoned{false};
  return images_.Write(view, never_abandoned).status();
}

absl::Status Server::Listen(const Options& options) {
  KeyValueService::Parts of_key_value{*machine_, *log_, *batcher_, disk_reserve_};
  AdminService::Parts of_admin{*machine_,
                               *log_,
                               images_,
                               *snapshots_,
                               disk_reserve_,
                               [this] {
                                 MutexLock lock(ready_mutex_);
                                 return ready_;
                               },
                               [this] { return level_raise_->held_back(); }};
  if (replication_ != nullptr) {
    of_key_value.peers = &replication_->peer_link();
    of_key_value.cluster_room = &replication_->cluster_room();
    of_admin.cluster_room = &replication_->cluster_room();
    of_admin.transfer = [this](const std::string& node, LeadershipTransfer::DoneFn done) {
      replication_->leadership_transfer().Ask(node, std::move(done));
    };
  }
  key_value_service_ = std::make_unique<KeyValueService>(of_key_value, options.data_bytes_max);
  admin_service_ = std::make_unique<AdminService>(of_admin, options.data_bytes_max);
  TRIPLA_ASSIGN_OR_RETURN(transport_, Transport::Start(options, [this](rpc::Methods& methods) {
                            key_value_service_->AddTo(methods);
                            admin_service_->AddTo(methods);
                            if (replication_ != nullptr) {
                              replication_->peer_service().AddTo(methods);
                            }
                          }));
  readiness_ = std::make_unique<Readiness>(*log_, transport_->address(),
                                           [this](const absl::Status& ready) { SetReady(ready); });
  return absl::OkStatus();
}

void Server::SetReady(const absl::Status& ready) {
  bool changed = false;
  {
    MutexLock lock(ready_mutex_);
    changed = std::exchange(ready_, ready).ok() != ready.ok();
  }
  // Whoever watches is told each time.
  if (changed) transport_->SetReady(ready.ok());
}

absl::Status Server::WriteLastImage() {
  const absl::Status status = WriteImageOfAll();
  if (status.ok()) {
    return NoteLogOff(directory_, image::LogIdOf(*images_.owner()),
                      machine_->GetSummary().position.index);
  }
  return absl::Status(status.code(), fmt::format("all writes after the last image are lost: {}",
                                                 std::string(status.message())));
}

// Each part stops before the parts that do its work:
//   1. housekeeping, transfers of leadership that were asked for, and questions to other replicas
//   2. images: one that is being written is abandoned, and calls that wait for it get an error
//   3. readiness: clients and load balancers use other servers
//   4. leadership is handed to another replica
//   5. writes: accepted ones are written and answered
//   6. a replica's log; it answers all waiting calls, which it might never do otherwise in a
//      cluster without a majority
//   7. replies that wait for room, then connections
//   8. with --log off, the last image, which then holds all data (R18)
//   9. the log
absl::Status Server::Shutdown() {
  absl::Status status;
  if (replication_ != nullptr) replication_->BeginStop();
  housekeeping_ = nullptr;
  if (snapshots_ != nullptr) snapshots_->Stop();
  readiness_ = nullptr;
  if (transport_ != nullptr) SetReady(absl::UnavailableError("it is being stopped"));
  if (log_ != nullptr) log_->BeginStop();
  if (batcher_ != nullptr) batcher_->Stop();
  if (replication_ != nullptr) replication_->Stop();
  if (transport_ != nullptr) {
    key_value_service_->EndWaits();
    transport_->Stop();
    transport_ = nullptr;
    if (image_at_shutdown_) status = WriteLastImage();
  }
  if (log_ != nullptr) {
    log_->Stop();
    status.Update(log_->CheckFiles());
  }
  return status;
}

}  // namespace tripla
