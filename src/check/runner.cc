// SPDX-License-Identifier: Apache-2.0
#include "check/runner.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/quantity.h"
#include "check/sole_client.h"
#include "check/trial.h"
#include "cli/stop.h"

namespace tripla::check {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kKeysPerRead = 500;
// So many claims in a row that a server did not decide, though it tells its status: those that
// follow would only wait as long, each of them.
constexpr int kUndecidedInARow = 10;

ClaimResult NotTried(const Claim& claim, const std::string& because) {
  return {.group = claim.group,
          .name = claim.name,
          .text = claim.text,
          .verdict = Verdict::kNotTried,
          .because = because};
}

ClaimResult Try(Run& run, const Claim& claim, Progress& progress) {
  const Clock::time_point begin = Clock::now();
  const size_t first_key = run.keys().count();
  const uint64_t attempts_before = run.traffic().attempts();
  Trial trial(run, claim, progress);
  claim.prove(trial);
  run.traffic().Resume();
  const uint64_t calls = run.traffic().attempts() - attempts_before;
  run.Clear(first_key);
  ClaimResult result = trial.Result();
  if (result.figures.empty()) result.figures = fmt::format("{} calls", calls);
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  return result;
}

// The same, but where the server leaves a call undecided twice and answers others all the while,
// that is the claim's failure. `reached` tells whether it answers others.
ClaimResult TryAgainIfUndecided(Run& run, const Claim& claim, Progress& progress,
                                absl::Status& reached) {
  for (int attempt = 1;; ++attempt) {
    ClaimResult result = Try(run, claim, progress);
    if (result.verdict == Verdict::kFails) return result;
    const bool undecided = result.verdict == Verdict::kOpen && result.undecided;
    if (undecided && !cli::StopAsked()) reached = run.Reach();
    if (cli::StopAsked()) {
      result.verdict = Verdict::kOpen;
      result.because = "interrupted";
    }
    if (!undecided || !reached.ok() || cli::StopAsked()) return result;
    if (attempt == 1) continue;
    result.verdict = Verdict::kFails;
    result.mismatches.push_back(
        {"a call of it, tried twice; the server answers others",
         fmt::format("a decision within {}", DurationText(run.plan().timeout)), result.because});
    return result;
  }
}

void ReadAllKeys(Run& run, Trial& trial) {
  SoleClient client(trial, run.cleaner());
  const std::vector<Key> keys = run.keys().Used();
  const size_t per_call = run.limits().OperationsAtMost(kKeysPerRead);
  for (size_t i = 0; i < keys.size(); i += per_call) {
    std::vector<Operation> reads;
    for (size_t k = i; k < std::min(i + per_call, keys.size()); ++k) {
      reads.emplace_back(GetOperation{keys[k]});
    }
    if (client.Batch(reads).empty()) return;
  }
  trial.SetFigures(fmt::format("{} keys", keys.size()));
}

// Not of any command: it is true of every run, or the run was no good guest.
Claim LeavesNothing(Run& run, bool server_answers) {
  const auto prove = [&run, server_answers](Trial& trial) {
    if (run.keys_left() != 0 && !cli::StopAsked()) run.ClearLeft();
    if (run.keys_left() == 0) return ReadAllKeys(run, trial);
    const std::string left = fmt::format("{} may be left: {}", run.keys_left(), run.why_left());
    if (!server_answers) return trial.LeaveOpen(left);
    trial.Fail("del of all keys", "a decision, for the server answers others", left);
  };
  return {"run", "R21.leaves-nothing", "no key of this run is left", prove};
}

}  // namespace

ExitCode Report::exit_code() const {
  const auto any = [this](Verdict verdict) {
    return std::ranges::any_of(
        results, [verdict](const ClaimResult& result) { return result.verdict == verdict; });
  };
  if (interrupted) return ExitCode::kInterrupted;
  if (any(Verdict::kFails)) return ExitCode::kClaimFailed;
  return !ended_early.empty() || any(Verdict::kOpen) ? ExitCode::kNotReached : ExitCode::kAllHold;
}

Report RunClaims(Run& run, std::span<const Claim> claims, Progress& progress) {
  Report report;
  int undecided_in_a_row = 0;
  for (const Claim& claim : claims) {
    if (cli::StopAsked() || !report.ended_early.empty()) {
      report.results.push_back(NotTried(claim, "the run had ended"));
      continue;
    }
    progress.Begin(claim, report.results.size(), claims.size());
    absl::Status reached;
    report.results.push_back(TryAgainIfUndecided(run, claim, progress, reached));
    if (!reached.ok() && !cli::StopAsked()) report.ended_early = std::string(reached.message());
    undecided_in_a_row = report.results.back().undecided ? undecided_in_a_row + 1 : 0;
    if (undecided_in_a_row == kUndecidedInARow && report.ended_early.empty()) {
      report.ended_early = fmt::format("{} claims in a row were not decided", kUndecidedInARow);
    }
  }
  const bool server_answers = report.ended_early.empty() && !cli::StopAsked();
  report.results.push_back(Try(run, LeavesNothing(run, server_answers), progress));
  progress.End();
  report.interrupted = cli::StopAsked();
  report.key_range = run.keys().ToText();
  report.keys_left = run.keys_left();
  return report;
}

Report NothingTried(Run& run, std::span<const Claim> claims, const absl::Status& reached) {
  Report report{.ended_early = std::string(reached.message()),
                .interrupted = cli::StopAsked(),
                .key_range = run.keys().ToText()};
  for (const Claim& claim : claims) {
    report.results.push_back(NotTried(claim, "no server was reached"));
  }
  report.results.push_back({.group = "run",
                            .name = "reach",
                            .text = "every server answers",
                            .verdict = Verdict::kOpen,
                            .because = report.ended_early});
  return report;
}

}  // namespace tripla::check
