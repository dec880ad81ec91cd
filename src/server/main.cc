// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdlib>
#include <string>
#include <variant>

#include "base/diagnostics.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"
#include "server/exit_code.h"
#include "server/options.h"
#include "server/rebuild.h"
#include "server/server.h"
#include "server/signals.h"

namespace tripla {
namespace {

// Says why the program ends so.
ExitCode Fail(const absl::Status& status, ExitCode exit_code) {
  Say(Severity::kError, std::string(status.message()));
  return exit_code;
}

ExitCode Fail(const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) return Fail(status, ExitCode::kUsage);
  return Fail(status, absl::IsDataLoss(status) ? ExitCode::kDataDamaged : ExitCode::kFailure);
}

ExitCode Run(const Options& options) {
  HoldStopSignals();
  SetLowestSeverity(options.verbosity);
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options);
  // Java's threads, if it was started, run on, and would find what the end of main() destroys gone.
  if (!server.ok()) std::_Exit(static_cast<int>(Fail(server.status())));
  AwaitStopSignal();
  Say(Severity::kInfo, "stopping: calls in flight are answered, new ones refused");
  if (const absl::Status status = (*server)->Shutdown(); !status.ok()) return Fail(status);
  Say(Severity::kInfo, "stopped");
  if ((*server)->is_replica()) std::_Exit(static_cast<int>(ExitCode::kDone));
  return ExitCode::kDone;
}

ExitCode Init(const InitOptions& options) {
  absl::StatusOr<Membership> membership = ParseMembership(options.node, options.cluster);
  if (!membership.ok()) return Fail(membership.status(), ExitCode::kUsage);
  const absl::StatusOr<DataDirectory> directory =
      DataDirectory::Open(PosixDisk(), options.data_dir);
  if (!directory.ok()) return Fail(directory.status());
  LogPosition known;
  if (options.rebuild) {
    if (absl::Status lost = CheckIsLost(*membership); !lost.ok()) return Fail(lost);
    const absl::StatusOr<LogPosition> others = AskWhatOthersKnow(*membership);
    if (!others.ok()) return Fail(others.status());
    known = *others;
    membership->votes_from = known.index;
  } else {
    const absl::StatusOr<uint64_t> term = TermOfNewCluster(*membership);
    if (!term.ok()) return Fail(term.status());
    known.term = *term;
  }
  const size_t members = membership->members.size();
  if (members % 2 == 0) {
    Say(Severity::kWarning,
        fmt::format(
            "of {} members no more may be lost than of {}, and each write waits for one more; "
            "take an odd number",
            members, members - 1));
  }
  const absl::Status initialized = InitializeReplica(*directory, *membership, known.term);
  if (!initialized.ok()) return Fail(initialized);
  fmt::print("{} is replica {}'s now; start it with: triplad --data-dir {}\n", options.data_dir,
             options.node, options.data_dir);
  return ExitCode::kDone;
}

ExitCode Main(int argc, char** argv) {
  const auto parsed = ParseOptions(argc, argv);
  if (const auto* exit_code = std::get_if<ExitCode>(&parsed)) return *exit_code;
  if (const auto* init = std::get_if<InitOptions>(&parsed)) return Init(*init);
  return Run(std::get<Options>(parsed));
}

}  // namespace
}  // namespace tripla

int main(int argc, char** argv) { return static_cast<int>(tripla::Main(argc, argv)); }
