// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
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

// Makes an empty directory that of a member of a new cluster, or of one that replaces a lost
// member.
absl::Status Prepare(const DataDirectory& directory, Membership membership,
                     const std::optional<Replacement>& replacement) {
  if (!replacement) return InitializeReplica(directory, membership);
  membership.cluster = replacement->cluster;
  membership.votes_from = replacement->known.index;
  return InitializeReplica(directory, membership, replacement->known.term, replacement->starts);
}

ExitCode Init(const InitOptions& options) {
  absl::StatusOr<Membership> membership = ParseMembership(options.node, options.cluster);
  if (!membership.ok()) return Fail(membership.status(), ExitCode::kUsage);
  if (const absl::Status enough = CheckDescriptors(kDescriptorsLeast); !enough.ok()) {
    return Fail(enough);
  }
  if (const auto before = DataDirectory::OpenReadOnly(PosixDisk(), options.data_dir); before.ok()) {
    if (const absl::Status empty = CheckHoldsNothing(*before); !empty.ok()) return Fail(empty);
  }
  // Before anything is made: a directory left by a refused init would be a standalone server's.
  std::optional<Replacement> replacement;
  if (options.rebuild) {
    absl::StatusOr<Replacement> found = ReplaceLost(*membership);
    if (!found.ok()) return Fail(found.status());
    replacement = *std::move(found);
  } else if (const absl::Status formed = CheckIsNotFormed(*membership); !formed.ok()) {
    return Fail(formed);
  }
  const absl::StatusOr<DataDirectory> directory =
      DataDirectory::Open(PosixDisk(), options.data_dir, Server::kHolderPatience);
  if (!directory.ok()) return Fail(directory.status());
  const size_t members = membership->members.size();
  if (members % 2 == 0) {
    Say(Severity::kWarning,
        fmt::format(
            "{} members tolerate no more losses than {}, and each write waits for one more; "
            "use an odd number",
            members, members - 1));
  }
  const absl::Status prepared = Prepare(*directory, *membership, replacement);
  if (!prepared.ok()) return Fail(prepared);
  // No refusal: what is prepared is sound, and the rest may be installed later.
  if (const absl::Status installed = Replica::CheckInstalled(); !installed.ok()) {
    Say(Severity::kWarning, fmt::format("{} cannot be started as it is installed now: {}",
                                        options.data_dir, std::string(installed.message())));
  }
  std::cout << fmt::format(
      "{0} is replica {1}'s now; start it with: triplad --data-dir {0} --node {1}\n",
      options.data_dir, options.node);
  return ExitCode::kDone;
}

ExitCode Main(int argc, char** argv) {
  // Files are accessible to the owner only, also those that Java makes (R16a).
  umask(S_IRWXG | S_IRWXO);
  const auto parsed = ParseOptions(argc, argv);
  if (const auto* exit_code = std::get_if<ExitCode>(&parsed)) return *exit_code;
  if (const auto* init = std::get_if<InitOptions>(&parsed)) return Init(*init);
  return Run(std::get<Options>(parsed));
}

}  // namespace
}  // namespace tripla

int main(int argc, char** argv) {
  return tripla::RunProgram("triplad", static_cast<int>(tripla::ExitCode::kFailure),
                            [&] { return static_cast<int>(tripla::Main(argc, argv)); });
}
