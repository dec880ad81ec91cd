// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
#include <string>
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

// Asks the other members for the term and log position that this replica must respect. Fails if it
// must not be initialised this way.
absl::StatusOr<LogPosition> AskBeforeInit(const InitOptions& options,
                                          const Membership& membership) {
  if (!options.rebuild) {
    TRIPLA_ASSIGN_OR_RETURN(const uint64_t term, TermOfNewCluster(membership));
    return LogPosition{.term = term};
  }
  TRIPLA_RETURN_IF_ERROR(CheckIsLost(membership));
  return AskWhatOthersKnow(membership);
}

ExitCode Init(const InitOptions& options) {
  absl::StatusOr<Membership> membership = ParseMembership(options.node, options.cluster);
  if (!membership.ok()) return Fail(membership.status(), ExitCode::kUsage);
  if (const absl::Status enough = CheckDescriptors(kDescriptorsLeast); !enough.ok()) {
    return Fail(enough);
  }
  // Before anything is made: a directory left by a refused init would be a standalone server's.
  const absl::StatusOr<LogPosition> known = AskBeforeInit(options, *membership);
  if (!known.ok()) return Fail(known.status());
  membership->votes_from = known->index;
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
  const absl::Status initialized = InitializeReplica(*directory, *membership, known->term);
  if (!initialized.ok()) return Fail(initialized);
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
