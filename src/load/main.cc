// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "base/descriptors.h"
#include "base/program.h"
#include "cli/stop.h"
#include "load/generator.h"
#include "load/null_server.h"
#include "load/options.h"
#include "load/report.h"
#include "load/workload.h"

namespace tripla::load {
namespace {

constexpr int kFillInFlight = 64;
// Besides one for each connection: 12 were measured, with pipes to the null server.
constexpr int kDescriptors = 20;
constexpr const char* kClearLine = "\r\x1b[K";

int Code(ExitCode code) { return static_cast<int>(code); }

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file.fail()) return true;
  std::fputs(
      fmt::format("tripla-bench: {} cannot be written; name another file with --timeline\n", path)
          .c_str(),
      stderr);
  return false;
}

// What is shown on a terminal while `what` goes on; nothing where there is none.
Generator::ProgressFn ShowProgress(const std::string& what) {
  if (isatty(STDERR_FILENO) != 1) return [](auto, uint64_t, uint64_t) {};
  return [what](std::chrono::duration<double> time, uint64_t answered, uint64_t failed) {
    std::fputs(
        fmt::format("{}{} {:.1f} s: {} calls, {:.0f}/s, {} failed", kClearLine, what, time.count(),
                    answered, static_cast<double>(answered) / time.count(), failed)
            .c_str(),
        stderr);
    std::fflush(stderr);
  };
}

Measurement Run(Generator& generator, Workload& workload, const Period& period,
                const std::string& what) {
  Measurement found = generator.Run(workload, period, ShowProgress(what));
  if (isatty(STDERR_FILENO) == 1) std::fputs(fmt::format("{}", kClearLine).c_str(), stderr);
  return found;
}

int NotReached(const std::string& why) {
  std::fputs(fmt::format("tripla-bench: {}; check that the server runs there, or name others with "
                         "--endpoints HOST:PORT,...\n",
                         why)
                 .c_str(),
             stderr);
  return Code(cli::StopAsked() ? ExitCode::kInterrupted : ExitCode::kNotReached);
}

// Creates what the run needs. An exit code when that fails.
std::optional<int> Fill(Plan plan) {
  plan.in_flight = std::max(plan.in_flight, kFillInFlight);  // who measures one call waits too
  const std::unique_ptr<Workload> fill = MakeFill(plan);
  if (fill == nullptr) return std::nullopt;
  Generator generator(plan);
  const Tally filled = Run(generator, *fill, {}, "filling").tally;
  if (cli::StopAsked()) return Code(ExitCode::kInterrupted);
  if (filled.errors + filled.unknown == 0) return std::nullopt;
  const auto& [text, count] = *filled.error_texts.begin();
  return NotReached(fmt::format("{} of {} calls that fill the database failed, {} so: {}",
                                filled.errors + filled.unknown, filled.calls, count, text));
}

int Bench(const Options& options) {
  const Plan& plan = options.plan;
  Generator generator(plan);
  if (const absl::Status connected = generator.Connect(); !connected.ok()) {
    return NotReached(std::string(connected.message()));
  }
  if (const std::optional<int> failed = Fill(plan)) return *failed;
  const Measurement found =
      Run(generator, *MakeWorkload(plan),
          {.warm_up = plan.warm_up, .duration = plan.duration, .rate = plan.rate}, plan.verb_name);
  const bool json = options.format == ReportFormat::kJson;
  const std::string text = json ? JsonText(plan, found) : TableText(plan, found);
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!plan.timeline_file.empty() && !WriteFile(plan.timeline_file, TimelineText(found))) {
    return Code(ExitCode::kUsage);
  }
  if (cli::StopAsked()) return Code(ExitCode::kInterrupted);
  const bool none_answered = found.tally.results.operations() == 0;
  if (none_answered) return NotReached("no call was answered");
  return Code(ExitCode::kMeasured);
}

int Main(const std::vector<std::string>& arguments) {
  std::variant<Options, ExitCode> parsed = ParseOptions(arguments);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return Code(*code);
  auto& options = std::get<Options>(parsed);
  const int needed = kDescriptors + options.plan.connections;
  if (const absl::Status enough = CheckDescriptors(needed); !enough.ok()) {
    std::fputs(fmt::format("tripla-bench: {}\n", std::string(enough.message())).c_str(), stderr);
    return Code(ExitCode::kInternal);
  }
  // Checked before the run, so that a long run does not end without a place for its report.
  const std::string& timeline = options.plan.timeline_file;
  if (!timeline.empty() && !WriteFile(timeline, "")) return Code(ExitCode::kUsage);
  std::optional<NullServer> null_server;
  if (options.plan.verb == Verb::kNull) {
    null_server.emplace();
    options.plan.endpoints = {null_server->endpoint()};
  }
  cli::WatchForStop();
  const int exit_code = Bench(options);
  if (null_server && !cli::StopAsked() && null_server->HasEnded()) {
    std::fputs("tripla-bench: the null server has ended, so what was measured says nothing\n",
               stderr);
    return Code(ExitCode::kInternal);
  }
  return exit_code;
}

}  // namespace
}  // namespace tripla::load

int main(int argc, char** argv) {
  using tripla::load::ExitCode;
  return tripla::RunProgram("tripla-bench", static_cast<int>(ExitCode::kUsage), [&] {
    // As triplad does, and for the null server too: what is compared should differ in nothing else.
    absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
    return tripla::load::Main({argv + 1, argv + argc});
  });
}
