// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <cstdlib>
#include <string>
#include <variant>

#include "base/diagnostics.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"
#include "server/options.h"
#include "server/rebuild.h"
#include "server/server.h"
#include "server/signals.h"

namespace tripla {
namespace {

constexpr int kFailureExitCode = 1;
constexpr int kUsageExitCode = 2;
constexpr int kDamagedDataExitCode = 10;

int Run(const Options& options) {
  HoldStopSignals();
  SetLowestSeverity(options.verbosity);
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options);
  if (!server.ok()) {
    Say(Severity::kError, std::string(server.status().message()));
    return absl::IsDataLoss(server.status()) ? kDamagedDataExitCode : kFailureExitCode;
  }
  AwaitStopSignal();
  Say(Severity::kInfo, "stopping: calls in flight are answered, new ones refused");
  (*server)->Shutdown();
  Say(Severity::kInfo, "stopped");
  // Java's threads run on, and would find what the end of main() destroys gone.
  if ((*server)->is_replica()) std::_Exit(0);
  return 0;
}

int Fail(const absl::Status& status, int exit_code) {
  Say(Severity::kError, std::string(status.message()));
  return exit_code;
}

int Init(const InitOptions& options) {
  absl::StatusOr<Membership> membership = ParseMembership(options.node, options.cluster);
  if (!membership.ok()) return Fail(membership.status(), kUsageExitCode);
  const absl::StatusOr<DataDirectory> directory =
      DataDirectory::Open(PosixDisk(), options.data_dir);
  if (!directory.ok()) return Fail(directory.status(), kFailureExitCode);
  LogPosition known;
  if (options.rebuild) {
    const absl::StatusOr<LogPosition> others = AskWhatOthersKnow(*membership);
    if (!others.ok()) return Fail(others.status(), kFailureExitCode);
    known = *others;
    membership->votes_from = known.index;
  } else if (absl::Status status = CheckClusterIsNew(*membership); !status.ok()) {
    return Fail(status, kFailureExitCode);
  }
  if (absl::Status status = InitializeReplica(*directory, *membership, known.term); !status.ok()) {
    return Fail(status, kFailureExitCode);
  }
  fmt::print("{} is replica {}'s now; start it with: triplad --data-dir {}\n", options.data_dir,
             options.node, options.data_dir);
  return 0;
}

}  // namespace
}  // namespace tripla

int main(int argc, char** argv) {
  const auto parsed = tripla::ParseOptions(argc, argv);
  if (const auto* exit_code = std::get_if<tripla::ExitCode>(&parsed)) return exit_code->value;
  if (const auto* init = std::get_if<tripla::InitOptions>(&parsed)) return tripla::Init(*init);
  return tripla::Run(std::get<tripla::Options>(parsed));
}
