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

// A call had no answer in its time: that is the claim's failure if the server answers others.
void SettleOpen(ClaimResult& result, const absl::Status& reached, const Plan& plan) {
  if (!reached.ok() || !result.no_answer) return;
  result.verdict = Verdict::kFails;
  result.mismatches.push_back({"a call of it",
                               fmt::format("an answer within {}", DurationText(plan.timeout)),
                               result.open_because});
}

ClaimResult Try(Run& run, const Claim& claim) {
  const Clock::time_point begin = Clock::now();
  const size_t first_key = run.keys().count();
  const uint64_t attempts_before = run.caller().attempts();
  Trial trial(run, claim);
  claim.prove(trial);
  const uint64_t calls = run.caller().attempts() - attempts_before;
  const absl::Status cleared = run.Clear(first_key);
  if (!cleared.ok()) trial.LeaveOpen(std::string(cleared.message()));
  ClaimResult result = trial.Result();
  if (result.figures.empty()) result.figures = fmt::format("{} calls", calls);
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
  return result;
}

// Not of any command: it is true of every run, or the run was no good guest.
Claim LeavesNothing() {
  return {"run", "R21.leaves-nothing", "no key of this run is left", [](Trial& trial) {
            SoleClient client(trial, trial.caller());
            const std::vector<Key> keys = trial.keys().Used();
            for (size_t i = 0; i < keys.size(); i += kKeysPerRead) {
              std::vector<Operation> reads;
              for (size_t k = i; k < std::min(i + kKeysPerRead, keys.size()); ++k) {
                reads.emplace_back(GetOperation{keys[k]});
              }
              if (client.Batch(reads).empty()) return;
            }
            trial.SetFigures(fmt::format("{} keys", keys.size()));
          }};
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
  for (const Claim& claim : claims) {
    if (cli::StopAsked()) break;
    progress.Begin(claim, report.results.size(), claims.size());
    ClaimResult result = Try(run, claim);
    if (result.verdict == Verdict::kOpen && !cli::StopAsked()) {
      SettleOpen(result, run.Reach(), run.plan());
      // The claims that follow would wait for as long, each of them.
      report.ended_early = result.open_because;
    }
    if (result.verdict == Verdict::kHolds && cli::StopAsked()) {
      result.verdict = Verdict::kOpen;
      result.open_because = "interrupted";
    }
    report.results.push_back(std::move(result));
    if (!report.ended_early.empty()) break;
  }
  report.interrupted = cli::StopAsked();
  if (report.ended_early.empty()) report.results.push_back(Try(run, LeavesNothing()));
  progress.End();
  return report;
}

}  // namespace tripla::check
