// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <variant>
#include <vector>

#include "base/descriptors.h"
#include "base/program.h"
#include "check/claim.h"
#include "check/options.h"
#include "check/progress.h"
#include "check/report.h"
#include "check/run.h"
#include "check/run_watch.h"
#include "check/runner.h"
#include "cli/escape.h"
#include "cli/stop.h"

namespace tripla::check {
namespace {

// The clients of a claim connect to all servers, and up to 16 others beside them do so too (races,
// a proxy). With too few a claim would fail that holds.
int DescriptorsFor(const Plan& plan) {
  constexpr int kOthers = 16;
  constexpr int kOwn = 32;
  const auto servers = static_cast<int>(plan.endpoints.size());
  return kOwn + (plan.clients + kOthers) * servers;
}

int Code(ExitCode code) { return static_cast<int>(code); }

// Standard output: data only. RunProgram() says when it cannot be written.
void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Opens the file without changing its content, before a long run whose report could not be written.
bool CanBeWritten(const std::string& path) {
  return std::ofstream(path, std::ios::binary | std::ios::app).is_open();
}

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return !file.fail();
}

int NoJunit(const std::string& path) {
  std::fputs(fmt::format("tripla-check: {} cannot be written; name another file with --junit\n",
                         cli::Escape(path, cli::Keep::kQuotes))
                 .c_str(),
             stderr);
  return Code(ExitCode::kUsage);
}

// Where they were asked for. Returns the exit code.
int Tell(const Options& options, const Report& report, const std::string& text) {
  Print(text);
  if (!options.junit_file.empty() &&
      !WriteFile(options.junit_file, JunitText(options.plan, report))) {
    return NoJunit(options.junit_file);
  }
  return Code(report.exit_code());
}

int Check(const Options& options, const std::vector<Claim>& claims) {
  const Plan& plan = options.plan;
  if (!options.junit_file.empty() && !CanBeWritten(options.junit_file)) {
    return NoJunit(options.junit_file);
  }
  std::fputs(fmt::format("tripla-check {}: seed {}\n", plan.command, plan.seed).c_str(), stderr);
  const bool json = options.format == ReportFormat::kJson;
  Run run(plan);
  Progress progress(isatty(STDERR_FILENO) == 1);
  const RunWatch watch(progress, run.traffic());
  const absl::Status reached = run.Reach();
  if (!reached.ok()) {
    std::fputs(
        fmt::format(
            "tripla-check: {}; nothing was checked; check that the server runs there, or name "
            "others with --endpoints HOST:PORT,...\n",
            std::string(reached.message()))
            .c_str(),
        stderr);
    const Report report = NothingTried(run, claims, reached);
    return Tell(options, report, json ? JsonText(plan, report) : "");
  }
  const Report report = RunClaims(run, claims, progress);
  return Tell(options, report, json ? JsonText(plan, report) : TableText(plan, report));
}

int Main(const std::vector<std::string>& arguments) {
  std::variant<Options, ExitCode> parsed = ParseOptions(arguments);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return Code(*code);
  const Options& options = std::get<Options>(parsed);
  const std::vector<Claim> claims = ClaimsOf(options.plan);
  if (options.list) {
    const bool json = options.format == ReportFormat::kJson;
    Print(json ? ListJsonText(claims) : ListText(claims));
    return Code(ExitCode::kAllHold);
  }
  if (const absl::Status enough = CheckDescriptors(DescriptorsFor(options.plan)); !enough.ok()) {
    std::fputs(fmt::format("tripla-check: {}\n", std::string(enough.message())).c_str(), stderr);
    return Code(ExitCode::kUsage);
  }
  cli::WatchForStop();
  return Check(options, claims);
}

}  // namespace
}  // namespace tripla::check

int main(int argc, char** argv) {
  using tripla::check::ExitCode;
  return tripla::RunProgram("tripla-check", static_cast<int>(ExitCode::kUsage), [&] {
    return tripla::check::Main({argv + 1, argv + argc});
  });
}
