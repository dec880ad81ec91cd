// SPDX-License-Identifier: Apache-2.0
#include "server/stopped_state.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "base/status_macros.h"
#include "log/local/log_extent.h"
#include "log/local/log_replay.h"
#include "log/ratis/segments.h"
#include "log/ratis/starts.h"
#include "log/ratis/vote.h"
#include "model/batch_codec.h"
#include "snapshot/image_format.h"
#include "snapshot/image_store.h"

namespace tripla {
namespace {

std::string TextOf(const StateHash& hash) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

absl::Status ReplayStandalone(const DataDirectory& directory, StateMachine& machine) {
  const auto apply = [&](LogIndex index, const Batch& batch, const std::string&, uint64_t) {
    machine.Apply({.index = index}, batch);
    return absl::OkStatus();
  };
  return ReplayLog(directory, machine.GetSummary().position.index, apply).status();
}

absl::Status ReplayReplica(const DataDirectory& directory, const Membership& membership,
                           StateMachine& machine) {
  const auto apply = [&](LogPosition position,
                         std::optional<std::string_view> bytes) -> absl::Status {
    Batch batch;
    if (bytes) {
      TRIPLA_ASSIGN_OR_RETURN(batch, DecodeBatch(*bytes));
    }
    machine.Apply(position, batch);
    return absl::OkStatus();
  };
  return ReadEntries(directory, membership, machine.GetSummary().position.index, apply);
}

// The term and the vote, as Ratis keeps them.
std::string VoteText(const DataDirectory& directory, const Membership& membership) {
  const absl::StatusOr<Vote> vote = ReadVote(directory, membership);
  if (absl::IsNotFound(vote.status())) return "none\n";
  if (!vote.ok()) return fmt::format("unknown: {}\n", std::string(vote.status().message()));
  return fmt::format("{}, voted for {}\n", vote->term,
                     vote->voted_for.empty() ? "none" : vote->voted_for);
}

std::string ReplicaText(const DataDirectory& directory, const Membership& membership) {
  std::string text =
      fmt::format("directory    of replica {}\ncluster      {}\nmembers      {}\n", membership.node,
                  membership.is_formed() ? membership.cluster : "not formed yet",
                  MembersText(membership.members));
  if (const auto starts = ReadStarts(directory); starts.ok()) {
    text += fmt::format("starts       {}\n", starts->own.count);
    if (!starts->outdated.empty()) text += fmt::format("outdated     {}\n", starts->outdated);
  } else {
    text += fmt::format("starts       unknown: {}\n", std::string(starts.status().message()));
  }
  if (membership.is_formed()) text += "term         " + VoteText(directory, membership);
  return text;
}

// A replica's log holds what a majority may not have, and does not say which records these are; an
// image holds only what it has.
std::string CommittedText(LogIndex of_image) {
  if (of_image == 0) return "committed    not known: records of the log may not be\n";
  return fmt::format("committed    up to record {}; later ones may not be\n", of_image);
}

// A line if a server uses the directory, whatever its path.
std::string UseText(const DataDirectory& directory) {
  const absl::Status lock = directory.disk().Lock(directory.path()).status();
  if (!absl::IsFailedPrecondition(lock)) return "";
  const std::string held(lock.message());
  return fmt::format("in use       {}: what it writes now may be missing or half here\n",
                     held.substr(0, held.find(": ")));
}

}  // namespace

absl::StatusOr<StoppedState> LoadStoppedState(const DataDirectory& directory) {
  StoppedState state;
  TRIPLA_ASSIGN_OR_RETURN(state.membership, ReadReplicaFile(directory));
  ImageStore images(directory);
  const bool has_log = state.membership && state.membership->is_formed();
  if (has_log) images.SetOwner(image::OwnerOfCluster(state.membership->cluster));
  if (!state.membership) {
    TRIPLA_ASSIGN_OR_RETURN(const std::optional<Extent> extent, LogExtent::Read(directory));
    if (extent) images.SetOwner(image::OwnerOfLog(extent->log_id));
  }
  LogIndex first = 0;
  if (has_log) {
    TRIPLA_ASSIGN_OR_RETURN(first, FirstIndexInSegments(directory, *state.membership));
  } else if (!state.membership) {
    TRIPLA_ASSIGN_OR_RETURN(first, FirstLogIndex(directory));
  }
  TRIPLA_ASSIGN_OR_RETURN(RecoveredState recovered, images.LoadNewest(first));
  StateMachine& machine = *recovered.machine;
  state.of_image = machine.GetSummary().position.index;
  if (has_log) {
    TRIPLA_RETURN_IF_ERROR(ReplayReplica(directory, *state.membership, machine));
  } else if (!state.membership) {
    TRIPLA_RETURN_IF_ERROR(ReplayStandalone(directory, machine));
  }
  TRIPLA_RETURN_IF_ERROR(recovered.CheckLogReached(machine.GetSummary().position.index));
  state.machine = std::move(recovered.machine);
  return state;
}

absl::StatusOr<std::string> InspectText(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const StoppedState state, LoadStoppedState(directory));
  const StateSummary summary = state.machine->GetSummary();
  std::string text = state.membership ? ReplicaText(directory, *state.membership)
                                      : "directory    of a server that stands alone\n";
  text += UseText(directory);
  text += state.of_image == 0 ? "image        none\n"
                              : fmt::format("image        of record {}\n", state.of_image);
  text += fmt::format("last record  {}", summary.position.index);
  if (summary.position.term != 0) text += fmt::format(" of term {}", summary.position.term);
  text += "\n";
  if (state.membership && summary.position.index > state.of_image) {
    text += CommittedText(state.of_image);
  }
  if (state.membership && state.membership->votes_from > summary.position.index) {
    text +=
        fmt::format("incomplete   it was to catch up to record {}\n", state.membership->votes_from);
  }
  text += fmt::format(
      "revision     {}\nkeys         {}\nrequest ids  {}\nlevel        {}\nstate hash   {}\n",
      summary.revision, summary.keys, summary.answers, summary.level, TextOf(summary.hash));
  return text;
}

std::string OriginText(const StateSummary& summary) {
  return fmt::format("revision {}, record {}, state hash {}", summary.revision,
                     summary.position.index, TextOf(summary.hash));
}

absl::Status CheckOrigin(const DataDirectory& directory, const Membership& membership) {
  if (membership.origin.empty()) return absl::OkStatus();
  TRIPLA_ASSIGN_OR_RETURN(const StoppedState held, LoadStoppedState(directory));
  const std::string origin = OriginText(held.machine->GetSummary());
  if (origin == membership.origin) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{} was to begin with {}, but it holds {}: triplad init was cut off; empty the "
                  "directory and init again",
                  directory.path(), membership.origin, origin));
}

absl::Status WriteFirstImage(const DataDirectory& directory, const StateMachine& machine) {
  ImageStore images(directory);
  const std::atomic<bool> never_abandoned{false};
  return images.Write(machine.Freeze(), never_abandoned).status();
}

}  // namespace tripla
