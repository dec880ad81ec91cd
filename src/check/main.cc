// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "check/claim.h"
#include "check/options.h"
#include "check/progress.h"
#include "check/report.h"
#include "check/run.h"
#include "check/runner.h"
#include "cli/stop.h"

namespace tripla::check {
namespace {

int Code(ExitCode code) { return static_cast<int>(code); }

void List(const std::vector<Claim>& claims) {
  for (const Claim& claim : claims) {
    fmt::print("{:8} {:36} {}\n", claim.group, claim.name, claim.text);
  }
}

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file.fail()) return true;
  fmt::print(stderr, "tripla-check: {} cannot be written; name another file with --junit\n", path);
  return false;
}

int Check(const Options& options, const std::vector<Claim>& claims) {
  // Before it is needed: nobody wants to learn after a long run that there is no place for it.
  if (!options.junit_file.empty() && !WriteFile(options.junit_file, "")) {
    return Code(ExitCode::kUsage);
  }
  fmt::print(stderr, "tripla-check {}: seed {}\n", options.plan.command, options.plan.seed);
  Run run(options.plan);
  if (const absl::Status reached = run.Reach(); !reached.ok()) {
    fmt::print(stderr,
               "tripla-check: {}; nothing was checked; check that the server runs there, or name "
               "others with --endpoints HOST:PORT,...\n",
               std::string(reached.message()));
    return Code(cli::StopAsked() ? ExitCode::kInterrupted : ExitCode::kNotReached);
  }
  Progress progress(isatty(STDERR_FILENO) == 1);
  const Report report = RunClaims(run, claims, progress);
  const bool json = options.format == ReportFormat::kJson;
  fmt::print("{}", json ? JsonText(options.plan, report) : TableText(options.plan, report));
  if (!options.junit_file.empty() &&
      !WriteFile(options.junit_file, JunitText(options.plan, report))) {
    return Code(ExitCode::kUsage);
  }
  return Code(report.exit_code());
}

int Main(const std::vector<std::string>& arguments) {
  std::variant<Options, ExitCode> parsed = ParseOptions(arguments);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return Code(*code);
  const Options& options = std::get<Options>(parsed);
  std::vector<Claim> claims = ClaimsOf(options.plan.command);
  std::erase_if(claims,
                [&](const Claim& one) { return !one.name.starts_with(options.plan.claim); });
  if (options.list) {
    List(claims);
    return Code(ExitCode::kAllHold);
  }
  cli::WatchForStop();
  return Check(options, claims);
}

}  // namespace
}  // namespace tripla::check

int main(int argc, char** argv) { return tripla::check::Main({argv + 1, argv + argc}); }
