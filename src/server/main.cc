// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <string>
#include <variant>

#include "base/diagnostics.h"
#include "server/options.h"
#include "server/server.h"
#include "server/signals.h"

namespace tripla {
namespace {

constexpr int kFailureExitCode = 1;
constexpr int kDamagedDataExitCode = 10;

int Run(const Options& options) {
  HoldStopSignals();
  SetLowestSeverity(options.verbosity);
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(options);
  if (!server.ok()) {
    Say(Severity::kError, std::string(server.status().message()));
    return absl::IsDataLoss(server.status()) ? kDamagedDataExitCode : kFailureExitCode;
  }
  Say(Severity::kInfo, fmt::format("ready on {}", (*server)->address()));
  AwaitStopSignal();
  Say(Severity::kInfo, "stopping: calls in flight are answered, new ones refused");
  (*server)->Shutdown();
  Say(Severity::kInfo, "stopped");
  return 0;
}

}  // namespace
}  // namespace tripla

int main(int argc, char** argv) {
  const std::variant<tripla::Options, tripla::ExitCode> parsed = tripla::ParseOptions(argc, argv);
  if (const auto* exit_code = std::get_if<tripla::ExitCode>(&parsed)) return exit_code->value;
  return tripla::Run(std::get<tripla::Options>(parsed));
}
