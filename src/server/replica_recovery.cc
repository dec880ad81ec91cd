// SPDX-License-Identifier: Apache-2.0
#include "server/replica_recovery.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostics.h"
#include "base/status_macros.h"
#include "log/ratis/segments.h"
#include "model/limits.h"
#include "snapshot/image_format.h"
#include "snapshot/image_reader.h"

namespace tripla {
namespace {

// The size of an encoded command without its key and data, at most.
constexpr size_t kCommandOverheadBytes = 128;

// The path of the image received from another replica, if it reaches further than `newest`. If it
// is also in force, it is there only to be sent, and was skipped because it is damaged.
absl::StatusOr<std::optional<std::string>> FindReceivedImage(const DataDirectory& directory,
                                                             const Membership& membership,
                                                             LogIndex newest) {
  const std::string path = ReceivedImagesPath(directory, membership);
  const absl::StatusOr<std::vector<std::string>> names = directory.disk().List(path);
  if (absl::IsNotFound(names.status())) return std::nullopt;
  TRIPLA_RETURN_IF_ERROR(names.status());
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> own,
                          directory.disk().List(directory.image_path()));
  for (const std::string& name : *names) {
    const std::optional<LogIndex> index = image::ParseFileName(name);
    if (index && *index > newest && !std::ranges::binary_search(own, name)) {
      return path + "/" + name;
    }
  }
  return std::nullopt;
}

// Loads the newest image, which may be one that was received before the process last ended.
absl::StatusOr<RecoveredState> LoadState(const DataDirectory& directory,
                                         const Membership& membership, ImageStore& images) {
  images.SetOwner(image::OwnerOfCluster(membership.cluster));
  TRIPLA_ASSIGN_OR_RETURN(const LogIndex first, FirstIndexInSegments(directory, membership));
  absl::StatusOr<RecoveredState> recovered = images.Recover(first);
  const LogIndex newest = images.newest() ? images.newest()->position.index : 0;
  TRIPLA_ASSIGN_OR_RETURN(const std::optional<std::string> received,
                          FindReceivedImage(directory, membership, newest));
  if (!received) return recovered;
  RecoveredState installed;
  TRIPLA_ASSIGN_OR_RETURN(installed.machine, images.Install(*received));
  return installed;
}

// Replaces the advice for a standalone server, which is to restore a copy.
absl::Status AdviseRebuild(const absl::Status& status) {
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(
      fmt::format("{}; but this is a replica, and an older copy of it lacks records that it "
                  "has acknowledged: {}",
                  std::string(status.message()), kRebuild));
}

std::optional<ImageFile> NewestImage(const DataDirectory& directory, const ImageStore& images) {
  const std::optional<ImageSummary> newest = images.newest();
  if (!newest) return std::nullopt;
  return ImageFile{newest->position, directory.path() + "/" + newest->file};
}

// Verifies an image of another replica while it arrives.
absl::Status CheckPiece(const ImagePiece& piece, const ImageStore& images,
                        std::unique_ptr<ArrivingImage>& arriving) {
  const std::string name = fmt::format("the image of record {}", piece.image);
  if (piece.offset == 0) arriving = std::make_unique<ArrivingImage>(name, piece.image_bytes);
  if (arriving == nullptr) return absl::FailedPreconditionError(name + " was refused before");
  absl::Status good = arriving->Take(piece.content);
  if (const auto& header = arriving->header(); good.ok() && header) {
    good = images.CheckOwner(*header, name);
    const LogIndex held = header->summary.position.index;
    if (good.ok() && held != piece.image) {
      good = absl::DataLossError(fmt::format("{} is in truth that of record {}", name, held));
    }
  }
  if (!good.ok() || piece.offset + piece.content.size() == piece.image_bytes) arriving.reset();
  return good;
}

// Replaces the state by that of the image just received. It was verified while it came, so what
// cannot be read now was damaged here, and the log ends before it already: only a start can tell
// what is left.
ImageFile InstallReceived(const DataDirectory& directory, const Membership& membership,
                          ImageStore& images, StateMachine& machine) {
  const absl::StatusOr<std::optional<std::string>> received =
      FindReceivedImage(directory, membership, machine.GetSummary().position.index);
  if (!received.ok() || !*received) {
    Die("an image came from the leader, but its file is missing; start the server again");
  }
  absl::StatusOr<std::unique_ptr<StateMachine>> loaded = images.Install(**received);
  if (!loaded.ok()) {
    Die(
        fmt::format("the image that came from the leader cannot be used: {}; start the server "
                    "again",
                    std::string(loaded.status().message())));
  }
  machine.Install(*std::move(loaded));
  Say(Severity::kInfo, fmt::format("this replica was too far behind for the log: it has installed "
                                   "the leader's image of record {}",
                                   machine.GetSummary().position.index));
  return *NewestImage(directory, images);
}

// After an orderly stop the log is as it was left: nobody cuts it off while the server is down.
absl::Status CheckReached(const DataDirectory& directory, LogIndex last) {
  const absl::StatusOr<StartsRecord> starts = ReadStarts(directory);
  if (!starts.ok() || last >= starts->reached) return absl::OkStatus();
  return absl::DataLossError(fmt::format(
      "{}: the log ends with record {}, but it reached record {} when this server was stopped: the "
      "rest is missing; put it back, or {}",
      directory.log_path(), last, starts->reached, kRebuild));
}

}  // namespace

absl::StatusOr<RecoveredReplica> RecoverReplica(const DataDirectory& directory,
                                                const Membership& membership,
                                                const ReplicaSettings& settings, ImageStore& images,
                                                PeerLink& peers, const DiskReserve& disk_reserve) {
  RecoveredReplica replica;
  absl::StatusOr<RecoveredState> recovered = LoadState(directory, membership, images);
  if (!recovered.ok()) return AdviseRebuild(recovered.status());
  replica.machine = std::move(recovered->machine);
  replica.hashes = std::make_unique<RecentHashes>();
  StateMachine* machine = replica.machine.get();
  Say(Severity::kInfo,
      fmt::format("{}: replica {} with {} entries at revision {}, from the image of record {}; "
                  "what follows comes from the log",
                  directory.path(), membership.node, machine->GetSummary().keys,
                  machine->GetSummary().revision, machine->GetSummary().position.index));
  RatisLog::Hooks hooks{
      .apply =
          [machine, hashes = replica.hashes.get()](LogPosition position, const Batch& batch) {
            std::vector<Outcome> outcomes = machine->Apply(position, batch);
            if (RecentHashes::Wants(position.index)) hashes->Note(machine->GetSummary());
            return outcomes;
          },
      .newest_image = [&directory, &images] { return NewestImage(directory, images); },
      .has_room = [&disk_reserve](uint64_t bytes) { return disk_reserve.HasRoomForEntries(bytes); },
      .takes_entries = [&disk_reserve] { return disk_reserve.takes_entries(); },
      .why_not_begun = settings.why_not_begun,
      .hold_images = [&images] { images.Hold(); },
      .release_images = [&images] { images.Release(); },
      .install = [&directory, membership, &images,
                  machine] { return InstallReceived(directory, membership, images, *machine); },
      .check_piece = [&images, arriving = std::make_shared<std::unique_ptr<ArrivingImage>>()](
                         const ImagePiece& piece) { return CheckPiece(piece, images, *arriving); },
      .image_refused = [&images] { images.Doubt(); },
      .levels = [machine] { return Levels{.reached = machine->GetSummary().level}; },
      .ask_leader =
          [&peers, cluster = membership.cluster](const std::string& endpoint, Proof proof,
                                                 ReadRounds::AnswerFn answer) {
            peers.AskReadIndex(endpoint, cluster, proof, std::move(answer));
          },
  };
  const LogPosition of_image = machine->GetSummary().position;
  TRIPLA_ASSIGN_OR_RETURN(const LogPosition last,
                          CheckSegments(directory, membership, of_image.index));
  TRIPLA_RETURN_IF_ERROR(CheckReached(directory, std::max(last.index, of_image.index)));
  TRIPLA_RETURN_IF_ERROR(RaiseTerm(directory, membership, std::max(last.term, of_image.term)));
  TRIPLA_ASSIGN_OR_RETURN(replica.starts, MemberStarts::Open(directory));
  constexpr size_t kAroundData = limits::kKeyBytesMax + kCommandOverheadBytes;
  TRIPLA_ASSIGN_OR_RETURN(
      replica.log,
      RatisLog::Open(directory, membership, *replica.starts,
                     {.command_bytes_max = settings.data_bytes_max + kAroundData,
                      .command_bytes_max_anywhere = limits::kReplicaDataBytesMax + kAroundData,
                      .listen = settings.raft_listen,
                      .read_lease = settings.read_lease},
                     std::move(hooks)));
  if (absl::Status reached = recovered->CheckLogReached(replica.log->GetStats().last.index);
      !reached.ok()) {
    return AdviseRebuild(reached);
  }
  return replica;
}

}  // namespace tripla
