// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/descriptors.h"
#include "base/diagnostics.h"
#include "base/program.h"
#include "base/status_macros.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"
#include "log/ratis/replica.h"
#include "server/descriptor_limit.h"
#include "server/exit_code.h"
#include "server/options.h"
#include "server/rebuild.h"
#include "server/server.h"
#include "server/signals.h"
#include "server/stopped_state.h"
#include "snapshot/image_reader.h"
#include "state/state_machine.h"

namespace tripla {
namespace {

// Prints the reason and returns the exit code.
ExitCode Fail(const absl::Status& status, ExitCode exit_code) {
  Say(Severity::kError, std::string(status.message()));
  return exit_code;
}

ExitCode Fail(const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) return Fail(status, ExitCode::kUsage);
  return Fail(status, absl::IsDataLoss(status) ? ExitCode::kDataDamaged : ExitCode::kFailure);
}

ExitCode Run(const Options& options) {
  TakeSignals();
  SetLowestSeverity(options.verbosity);
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options);
  // If Java was started, its threads continue; they must not use what the end of main() destroys.
  if (!server.ok()) std::_Exit(static_cast<int>(Fail(server.status())));
  const bool is_replica = (*server)->is_replica();
  AwaitStopSignal(is_replica);
  Say(Severity::kInfo, "stopping: calls in flight are answered, new ones refused");
  if (const absl::Status status = (*server)->Shutdown(); !status.ok()) return Fail(status);
  // Before the message: after it another server may use the directory.
  if (!is_replica) server->reset();
  Say(Severity::kInfo, "stopped");
  if (is_replica) std::_Exit(static_cast<int>(ExitCode::kDone));
  return ExitCode::kDone;
}

// The state that a new directory begins with, if it is to have one.
absl::StatusOr<std::unique_ptr<StateMachine>> LoadFirstState(const InitOptions& options) {
  if (!options.from_image.empty()) {
    TRIPLA_ASSIGN_OR_RETURN(LoadedImage loaded, LoadImage(PosixDisk(), options.from_image));
    return std::move(loaded.machine);
  }
  if (options.from.empty()) return nullptr;
  // Open() would create a missing directory.
  TRIPLA_ASSIGN_OR_RETURN(DataDirectory source,
                          DataDirectory::OpenReadOnly(PosixDisk(), options.from));
  absl::StatusOr<DataDirectory> locked =
      DataDirectory::Open(PosixDisk(), options.from, Server::kHolderPatience);
  if (absl::IsFailedPrecondition(locked.status())) return locked.status();
  if (!locked.ok()) {
    Say(Severity::kWarning, fmt::format("{} is only read, make sure that no server uses it: {}",
                                        options.from, std::string(locked.status().message())));
  }
  TRIPLA_ASSIGN_OR_RETURN(StoppedState stopped, LoadStoppedState(source));
  const LogIndex last = stopped.machine->GetSummary().position.index;
  if (stopped.membership && stopped.membership->votes_from > last) {
    Say(Severity::kWarning,
        fmt::format("{} is not complete: it was to catch up to record {} and has reached {}",
                    options.from, stopped.membership->votes_from, last));
  }
  return std::move(stopped.machine);
}

// Lets what was loaded begin a database of its own. A cluster begins in term 1, so that its leaders
// are of later terms.
absl::Status BeginAnew(StateMachine& machine, const InitOptions& options) {
  const StateSummary before = machine.GetSummary();
  if (options.revision_bump > std::numeric_limits<int64_t>::max() - before.revision) {
    return absl::InvalidArgumentError(
        fmt::format("--revision-bump {} is too large: the state has revision {}",
                    options.revision_bump, before.revision));
  }
  const uint64_t term = options.cluster.empty() ? 0 : 1;
  const uint64_t revision = before.revision + options.revision_bump;
  machine.BeginAnew({.term = term, .index = std::max<LogIndex>(before.position.index, 1)},
                    revision);
  std::string text = fmt::format("it begins with keys: {}, revision: {}", before.keys, revision);
  if (options.revision_bump > 0) {
    text += fmt::format("; revisions {} to {} are skipped: a lost server may have given them out",
                        before.revision + 1, revision);
  }
  std::cout << text << "\n";
  return absl::OkStatus();
}

// Makes an empty directory that of a member of a new cluster, or of one that replaces a lost
// member, or of a server that stands alone.
absl::Status Prepare(const DataDirectory& directory, std::optional<Membership> membership,
                     const std::optional<Replacement>& replacement,
                     const StateMachine* first_state) {
  if (replacement) {
    membership->cluster = replacement->cluster;
    membership->votes_from = replacement->known.index;
    return InitializeReplica(directory, *membership, replacement->known.term, replacement->starts);
  }
  if (membership) {
    if (first_state != nullptr) membership->origin = OriginText(first_state->GetSummary());
    TRIPLA_RETURN_IF_ERROR(InitializeReplica(directory, *membership));
  }
  TRIPLA_RETURN_IF_ERROR(membership ? absl::OkStatus() : CheckHoldsNothing(directory));
  return first_state == nullptr ? absl::OkStatus() : WriteFirstImage(directory, *first_state);
}

void SayPrepared(const InitOptions& options) {
  if (options.node.empty()) {
    std::cout << fmt::format(
        "{0} is prepared for a server that stands alone; start it with: triplad --data-dir {0}\n",
        options.data_dir);
    return;
  }
  // No refusal: what is prepared is sound, and the rest may be installed later.
  if (const absl::Status installed = Replica::CheckInstalled(); !installed.ok()) {
    Say(Severity::kWarning, fmt::format("{} cannot be started as it is installed now: {}",
                                        options.data_dir, std::string(installed.message())));
  }
  std::cout << fmt::format(
      "{0} is replica {1}'s now; start it with: triplad --data-dir {0} --node {1}\n",
      options.data_dir, options.node);
}

// Before anything is made: a directory left by a refused init would be a standalone server's.
absl::StatusOr<std::optional<Replacement>> AskOthers(const InitOptions& options,
                                                     const Membership& membership) {
  if (!options.rebuild) {
    TRIPLA_RETURN_IF_ERROR(CheckIsNotFormed(membership));
    return std::nullopt;
  }
  TRIPLA_ASSIGN_OR_RETURN(Replacement found, ReplaceLost(membership));
  return found;
}

void WarnOfEvenNumber(size_t members) {
  if (members % 2 != 0) return;
  Say(Severity::kWarning,
      fmt::format("{} members tolerate no more losses than {}, and each write waits for one more; "
                  "use an odd number",
                  members, members - 1));
}

absl::Status InitDirectory(const InitOptions& options, std::optional<Membership> membership) {
  TRIPLA_RETURN_IF_ERROR(CheckDescriptors(kDescriptorsLeast));
  if (const auto before = DataDirectory::OpenReadOnly(PosixDisk(), options.data_dir); before.ok()) {
    TRIPLA_RETURN_IF_ERROR(CheckHoldsNothing(*before));
  }
  std::optional<Replacement> replacement;
  if (membership) {
    TRIPLA_ASSIGN_OR_RETURN(replacement, AskOthers(options, *membership));
  }
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<StateMachine> state, LoadFirstState(options));
  if (state != nullptr) TRIPLA_RETURN_IF_ERROR(BeginAnew(*state, options));
  TRIPLA_ASSIGN_OR_RETURN(
      const DataDirectory directory,
      DataDirectory::Open(PosixDisk(), options.data_dir, Server::kHolderPatience));
  if (membership) WarnOfEvenNumber(membership->members.size());
  return Prepare(directory, std::move(membership), replacement, state.get());
}

ExitCode Init(const InitOptions& options) {
  std::optional<Membership> membership;
  if (!options.cluster.empty()) {
    absl::StatusOr<Membership> parsed = ParseMembership(options.node, options.cluster);
    if (!parsed.ok()) return Fail(parsed.status(), ExitCode::kUsage);
    membership = *std::move(parsed);
  }
  const absl::Status done = InitDirectory(options, std::move(membership));
  if (!done.ok()) return Fail(done);
  SayPrepared(options);
  return ExitCode::kDone;
}

ExitCode Inspect(const InspectOptions& options) {
  const absl::StatusOr<DataDirectory> directory =
      DataDirectory::OpenReadOnly(PosixDisk(), options.data_dir);
  if (!directory.ok()) return Fail(directory.status());
  const absl::StatusOr<std::string> text = InspectText(*directory);
  if (!text.ok()) return Fail(text.status());
  std::cout << *text;
  return ExitCode::kDone;
}

ExitCode Main(int argc, char** argv) {
  // Files are accessible to the owner only, also those that Java makes (R16a).
  umask(S_IRWXG | S_IRWXO);
  const auto parsed = ParseOptions(argc, argv);
  if (const auto* exit_code = std::get_if<ExitCode>(&parsed)) return *exit_code;
  if (const auto* init = std::get_if<InitOptions>(&parsed)) return Init(*init);
  if (const auto* inspect = std::get_if<InspectOptions>(&parsed)) return Inspect(*inspect);
  return Run(std::get<Options>(parsed));
}

}  // namespace
}  // namespace tripla

int main(int argc, char** argv) {
  return tripla::RunProgram("triplad", static_cast<int>(tripla::ExitCode::kFailure),
                            [&] { return static_cast<int>(tripla::Main(argc, argv)); });
}
