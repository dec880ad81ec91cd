// SPDX-License-Identifier: Apache-2.0
#include "server/server.h"

#include <fmt/core.h>
#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/descriptors.h"
#include "base/diagnostics.h"
#include "base/quantity.h"
#include "base/status_macros.h"
#include "health/health.grpc.pb.h"
#include "log/memory_log.h"
#include "model/limits.h"
#include "server/descriptor_limit.h"
#include "server/directory_modes.h"
#include "server/formation.h"
#include "server/grpc_messages.h"
#include "server/listen_error.h"
#include "server/replica_recovery.h"
#include "server/signals.h"
#include "server/standalone_recovery.h"
#include "server/stopped_state.h"
#include "snapshot/image_format.h"

namespace tripla {
namespace {

constexpr char kDefaultListen[] = "127.0.0.1:7420";

// While it is replicated, a value is in Java's memory several times.
constexpr uint64_t kReplicaDataBytesMax = uint64_t{64} << 20;

// A cut connection is noticed within 15 s (spec 5): a ping after 10 s of silence, 5 s to answer.
// Earlier pings would allow a longer time to answer, but gRPC 1.51 may abort (frame_settings.cc:84)
// when it pings connections of a burst that it is still accepting; 10,000 take some seconds on a
// slow machine.
constexpr int kKeepaliveMs = 10'000;
constexpr int kKeepaliveTimeoutMs = 5'000;
// Clients may ping as often as this, also between calls.
constexpr int kClientPingMinMs = 5'000;

// At a stop every accepted write is answered first; then replies have this long to reach their
// clients. Clients that stall or do not read must not delay the stop.
constexpr std::chrono::seconds kShutdownPatience{1};

// Requests up to this size reach our own checks, whose error names the limit and says that nothing
// was applied. gRPC refuses larger ones unread.
size_t ReceiveBytesMax(size_t data_bytes_max) {
  return 2 * std::max(data_bytes_max, limits::kBatchBytesMax) + (size_t{1} << 20);
}

// gRPC's reflection adds itself to every server once it is linked in; this removes it from one.
class WithoutReflection : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

// The services that reflection v1 lists; v1alpha finds them itself.
std::vector<std::string> OfferedServices(bool is_replica) {
  std::vector<std::string> services = {
      v1::KeyValue::service_full_name(),
      v1::Admin::service_full_name(),
      grpc::health::v1::Health::service_full_name(),
      grpc::reflection::v1::ServerReflection::service_full_name(),
      "grpc.reflection.v1alpha.ServerReflection",
  };
  if (is_replica) services.emplace_back(internal::Peer::service_full_name());
  // Links the descriptor in for reflection; gRPC serves health without it.
  TRIPLA_CHECK(grpc::health::v1::HealthCheckRequest::descriptor() != nullptr, "it is linked in");
  return services;
}

void Configure(grpc::ServerBuilder& builder, const Options& options) {
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  const size_t receive_bytes_max = ReceiveBytesMax(options.data_bytes_max);
  builder.SetMaxReceiveMessageSize(static_cast<int>(receive_bytes_max));
  builder.SetResourceQuota(grpc::ResourceQuota("incoming")
                               .Resize(std::max(limits::kIncomingBytesMax, 2 * receive_bytes_max)));
  // A compressed megabyte may expand to a gigabyte before any of our checks sees it.
  for (const grpc_compression_algorithm packed : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder.SetCompressionAlgorithmSupportStatus(packed, false);
  }
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits::kCallsPerConnectionMax);
  builder.SetMaxSendMessageSize(-1);                        // refusals carry stored data back (R14)
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers on a port is an error
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kClientPingMinMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  if (options.max_connection_age.count() == 0) return;
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(options.max_connection_age.count()));
  if (options.max_connection_age_grace.count() == 0) return;
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             static_cast<int>(options.max_connection_age_grace.count()));
}

// Blocks one of gRPC's two polling threads for the life of the process. With two they hand the
// sockets to each other after every event (docs/decisions/0014-one-thread-polls.md).
[[maybe_unused]] void LetOneThreadPoll() {
  struct Parked {
    std::unique_ptr<v1::Admin::Stub> stub = v1::Admin::NewStub(grpc::CreateChannel("", nullptr));
    grpc::ClientContext context;
    v1::StatusRequest request;
    v1::StatusReply reply;
  };
  static auto* const parked = new Parked;
  // A channel without credentials fails its calls at once, so the callback runs on one of the two
  // threads, and never returns.
  parked->stub->async()->Status(&parked->context, &parked->request, &parked->reply,
                                [](const grpc::Status&) {
                                  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
                                });
}

// Process-wide settings of the gRPC library; each takes effect on servers built later.
void PrepareGrpc() {
  // There is no grpc_shutdown(): it may wait ten seconds for an idle polling thread.
  grpc_init();
  TellGrpcMessages();
  // gRPC uses Abseil's mutexes, and Debian builds these with deadlock detection: 7 % of a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  grpc::EnableDefaultHealthCheckService(true);
#ifndef TRIPLA_SANITIZED  // sanitizers are too slow for one thread: see kKeepaliveMs
  static std::once_flag once;
  if (std::thread::hardware_concurrency() <= 2) std::call_once(once, LetOneThreadPoll);
#endif
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
}

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

// With --node the directory must already belong to that replica: an empty directory in place of a
// lost one would be a voter that has forgotten its vote.
absl::Status CheckNode(const Options& options) {
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

absl::Status CheckReplicaOptions(const Options& options) {
  if (!options.log || options.fsync.mode != FsyncPolicy::Mode::kAlways) {
    return absl::InvalidArgumentError(
        "--log and --fsync are for a standalone server: a replica always keeps a log and syncs it; "
        "leave them out");
  }
  if (options.data_bytes_max > kReplicaDataBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("--data-bytes-max is more than a replica can take; {} at most",
                    ByteSizeText(kReplicaDataBytesMax)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Options& given) {
  const DescriptorLimit descriptors = RaiseDescriptorLimit();
  TRIPLA_RETURN_IF_ERROR(CheckDescriptors(kDescriptorsLeast));
  TRIPLA_RETURN_IF_ERROR(CheckNode(given));
  TRIPLA_ASSIGN_OR_RETURN(DataDirectory directory,
                          DataDirectory::Open(PosixDisk(), given.data_dir, kHolderPatience));
  TRIPLA_ASSIGN_OR_RETURN(std::optional<Membership> membership, ReadMembership(directory));
  Options options = given;
  if (membership) TRIPLA_RETURN_IF_ERROR(CheckReplicaOptions(options));
  if (options.listen.empty()) {
    options.listen = membership ? membership->self().client_endpoint : kDefaultListen;
  }
  std::unique_ptr<Server> server(new Server(options, std::move(directory)));
  // Checked before the recovery, which may take long, and again by gRPC after it.
  if (const std::string error = ListenError(options.listen); !error.empty()) {
    return CannotListen(options.listen, error);
  }
  if (membership && !membership->is_formed()) {
    TRIPLA_RETURN_IF_ERROR(Replica::CheckInstalled());
    TRIPLA_RETURN_IF_ERROR(CheckOrigin(server->directory_, *membership));
    TRIPLA_ASSIGN_OR_RETURN(membership,
                            FormCluster(server->directory_, *membership, options.listen));
  }
  TRIPLA_RETURN_IF_ERROR(membership ? server->RecoverReplica(options, *membership)
                                    : server->RecoverStandalone(options));
  server->snapshots_ = std::make_unique<SnapshotSchedule>(
      server->images_, *server->machine_, *server->log_,
      SnapshotSchedule::Options{.interval = options.snapshot_interval,
                                .random_times = membership.has_value(),
                                .scrub_interval = options.scrub_interval});
  server->batcher_ = std::make_unique<Batcher>(*server->log_);
  server->level_raise_ = std::make_unique<LevelRaise>(
      LevelRaise::Parts{*server->machine_, *server->log_, *server->batcher_, server->peer_link_,
                        server->membership_ ? &*server->membership_ : nullptr},
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
    if (!is_replica()) return;
    cluster_room_->Look();
    ratis_log_->WatchLease();
  };
  const auto tight = [this] {
    snapshots_->MakeRoom(disk_reserve_.HasRoomForImage(snapshots_->NextImage().bytes_left));
  };
  const auto too_full = [this] {
    if (cluster_room_ == nullptr) return;
    const std::string successor = cluster_room_->Successor();
    if (!successor.empty()) {
      ratis_log_->TransferLeadership(successor, "its disk is too full to write");
    }
  };
  housekeeping_ = std::make_unique<Housekeeping>(
      disk_reserve_, Housekeeping::Hooks{.look = look,
                                         .next_image = [this] { return snapshots_->NextImage(); },
                                         .tight = tight,
                                         .too_full = too_full});
}

Server::Server(const Options& options, DataDirectory directory)
    : directory_(std::move(directory)),
      disk_reserve_(directory_.disk(), directory_.log_path(), directory_.image_path(),
                    options.disk_reserve_bytes),
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
  TRIPLA_RETURN_IF_ERROR(PrepareFirstStart(directory_, membership));
  TRIPLA_ASSIGN_OR_RETURN(
      RecoveredReplica recovered,
      tripla::RecoverReplica(directory_, membership,
                             {.data_bytes_max = options.data_bytes_max,
                              .raft_listen = options.raft_listen,
                              .read_lease = options.read_lease},
                             images_, recent_hashes_, peer_link_, disk_reserve_));
  machine_ = std::move(recovered.machine);
  starts_ = std::move(recovered.starts);
  ratis_log_ = recovered.log.get();
  log_ = std::move(recovered.log);
  membership_ = membership;
  peer_service_ = std::make_unique<PeerService>(
      membership, *starts_,
      PeerService::Sources{
          .confirm_read_index =
              [this](Proof proof, ReadRounds::AnswerFn answer) {
                ratis_log_->ConfirmReadIndex(proof, std::move(answer));
              },
          .state_hashes = [this] { return StateComparison::Known(*machine_, recent_hashes_); },
          .log_state = [this] { return ratis_log_->KnownState(); },
          .fill_room = [this](internal::LogStateReply& reply) { FillRoom(reply); },
          .levels = [this] { return Levels{.reached = machine_->GetSummary().level}; },
          .level_max = options.level_max,
          .note_starts = [this](const std::string& node,
                                const Starts& said) { return ratis_log_->NoteStarts(node, said); },
          .disconnect = [this](const std::string& node) { ratis_log_->Disconnect(node); },
          .transfer =
              [this](const std::string& node, LeadershipTransfer::DoneFn done) {
                leadership_transfer_->AskHere(node, std::move(done));
              },
          .answers =
              [this](const std::string& node, std::function<void(bool)> answer) {
                peer_link_.AskLogState(
                    membership_->Find(node)->client_endpoint, membership_->cluster,
                    [answer = std::move(answer)](const auto& reply) { answer(reply.ok()); });
              }});
  cluster_room_ = MakeClusterRoom();
  leadership_transfer_ =
      std::make_unique<LeadershipTransfer>(*membership_, *ratis_log_, peer_link_);
  return absl::OkStatus();
}

void Server::FillRoom(internal::LogStateReply& reply) const {
  reply.set_disk_full(disk_reserve_.IsFull());
  reply.set_takes_no_entries(!disk_reserve_.HasRoomForEntries(0));
  reply.set_room(disk_reserve_.RoomText());
}

std::unique_ptr<ClusterRoom> Server::MakeClusterRoom() {
  std::vector<std::string> others;
  for (const Member& member : membership_->members) {
    if (member.node != membership_->node) others.push_back(member.node);
  }
  const auto own = [this] {
    internal::LogStateReply state;
    FillRoom(state);
    if (const auto known = ratis_log_->KnownState(); known.ok()) state.set_last_index(known->index);
    return state;
  };
  const auto ask = [this](const std::string& node, ClusterRoom::AnswerFn answer) {
    peer_link_.AskLogState(membership_->Find(node)->client_endpoint, membership_->cluster,
                           std::move(answer));
  };
  return std::make_unique<ClusterRoom>(
      membership_->node, std::move(others),
      ClusterRoom::Sources{
          .leads = [this] { return ratis_log_->Leads(); }, .own = own, .ask = ask});
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
  key_value_service_ = std::make_unique<KeyValueService>(
      KeyValueService::Parts{*machine_, *log_, *batcher_, peer_link_, disk_reserve_,
                             cluster_room_.get()},
      options.data_bytes_max);
  admin_service_ = std::make_unique<AdminService>(
      AdminService::Parts{*machine_, *log_, images_, *snapshots_, disk_reserve_,
                          cluster_room_.get(), ready_, [this] { return level_raise_->held_back(); },
                          [this](const std::string& node, LeadershipTransfer::DoneFn done) {
                            Transfer(node, std::move(done));
                          }},
      options.data_bytes_max);
  PrepareGrpc();
  grpc::ServerBuilder builder;
  Configure(builder, options);
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(key_value_service_.get());
  builder.RegisterService(admin_service_.get());
  if (peer_service_ != nullptr) builder.RegisterService(peer_service_.get());
  if (options.reflection) {
    reflection_service_ = std::make_unique<ReflectionService>(OfferedServices(is_replica()));
    builder.RegisterService(reflection_service_.get());
  }
  grpc_server_ = builder.BuildAndStart();
  if (grpc_server_ == nullptr || port == 0) {
    const std::string error = ListenError(options.listen);
    return CannotListen(options.listen, error.empty() ? "gRPC refused the address" : error);
  }
  address_ = options.listen.substr(0, options.listen.rfind(':') + 1) + std::to_string(port);
  SetReady(false);
  if (is_replica()) {
    state_comparison_ = std::make_unique<StateComparison>(
        *membership_, *machine_, recent_hashes_,
        [this](const Member& member, const std::vector<LogIndex>& indexes,
               StateComparison::AnswerFn answer) {
          peer_link_.AskStateHashes(member.client_endpoint, membership_->cluster, indexes,
                                    std::move(answer));
        });
  }
  readiness_ = std::make_unique<Readiness>(*log_, [this](bool ready) {
    SetReady(ready);
    Say(ready ? Severity::kInfo : Severity::kWarning,
        ready ? fmt::format("ready on {}", address_)
              : "not ready: no leader can be reached, so only stale reads are answered");
  });
  return absl::OkStatus();
}

void Server::Transfer(const std::string& node, LeadershipTransfer::DoneFn done) {
  if (leadership_transfer_ != nullptr) return leadership_transfer_->Ask(node, std::move(done));
  done(
      absl::FailedPreconditionError("this server stands alone: there is no other that could lead"));
}

void Server::SetReady(bool ready) {
  ready_.store(ready, std::memory_order_relaxed);
  grpc_server_->GetHealthCheckService()->SetServingStatus(kReadinessService, ready);
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
  if (leadership_transfer_ != nullptr) leadership_transfer_->Stop();
  housekeeping_ = nullptr;
  state_comparison_ = nullptr;
  if (snapshots_ != nullptr) snapshots_->Stop();
  readiness_ = nullptr;
  if (grpc_server_ != nullptr) SetReady(false);
  if (ratis_log_ != nullptr && grpc_server_ != nullptr) ratis_log_->BeginStop();
  if (batcher_ != nullptr) batcher_->Stop();
  if (ratis_log_ != nullptr && grpc_server_ != nullptr) ratis_log_->Stop();
  peer_link_.Stop();
  if (grpc_server_ != nullptr) {
    key_value_service_->EndWaits();
    grpc_server_->Shutdown(std::chrono::system_clock::now() + kShutdownPatience);
    grpc_server_->Wait();
    grpc_server_ = nullptr;
    if (image_at_shutdown_) status = WriteLastImage();
  }
  if (log_ != nullptr) {
    log_->Stop();
    status.Update(log_->CheckFiles());
  }
  return status;
}

}  // namespace tripla
