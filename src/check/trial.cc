// SPDX-License-Identifier: Apache-2.0
#include "check/trial.h"

#include <fmt/core.h>

#include <utility>

#include "absl/status/status.h"
#include "cli/stop.h"

namespace tripla::check {
namespace {

// That are shown; the rest are counted.
constexpr size_t kMismatchesShown = 3;

// Nobody decided, and the reason lies outside of what a claim is about.
bool OutOfReach(const AttemptFailure& error) {
  switch (error.failure.code) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return error.failure.retry_after.has_value();  // too busy, or its disk is full
  }
}

}  // namespace

std::unique_ptr<Caller> Trial::NewCaller() const {
  return std::make_unique<Caller>(plan().endpoints, plan().timeout, std::make_shared<RequestIds>(),
                                  run_.traffic());
}

std::unique_ptr<Caller> Trial::NewConnections() {
  return std::make_unique<Caller>(plan().endpoints, plan().timeout, caller().shared_ids(),
                                  run_.traffic());
}

std::mt19937_64 Trial::Chance(uint64_t stream) const {
  std::seed_seq::result_type name = 2166136261;  // FNV-1a: each claim has chances of its own
  for (const char c : claim_.name) name = (name ^ static_cast<unsigned char>(c)) * 16777619;
  std::seed_seq seed{static_cast<uint32_t>(plan().seed), static_cast<uint32_t>(plan().seed >> 32),
                     name, static_cast<uint32_t>(stream), static_cast<uint32_t>(stream >> 32)};
  return std::mt19937_64(seed);
}

void Trial::Fail(std::string_view what, std::string_view expected, std::string_view got) {
  const MutexLock lock(mutex_);
  if (result_.mismatches.size() < kMismatchesShown) {
    result_.mismatches.push_back({std::string(what), std::string(expected), std::string(got)});
  } else {
    ++result_.mismatches_more;
  }
  result_.verdict = Verdict::kFails;
}

bool Trial::Check(bool holds, std::string_view what, std::string_view expected,
                  std::string_view got) {
  if (!holds) Fail(what, expected, got);
  return holds;
}

void Trial::LeaveOpen(std::string_view because) {
  const MutexLock lock(mutex_);
  if (result_.verdict == Verdict::kFails || result_.verdict == Verdict::kOpen) return;
  result_.verdict = Verdict::kOpen;
  result_.because = because;
}

void Trial::NotTried(std::string_view because) {
  const MutexLock lock(mutex_);
  if (result_.verdict != Verdict::kHolds) return;
  result_.verdict = Verdict::kNotTried;
  result_.because = because;
}

void Trial::NotDecided(std::string_view what, std::string_view expected, const grpc::Status& status,
                       const AttemptFailure& error) {
  if (!OutOfReach(error)) return Fail(what, expected, TextOf(status));
  LeaveOpen(fmt::format("{}: {}", what, TextOf(status)));
  {
    const MutexLock lock(mutex_);
    result_.undecided = true;
  }
  // Whatever else the claim would ask would be waited for in vain, too.
  run_.traffic().Pause();
}

void Trial::SetFigures(std::string_view figures) {
  const MutexLock lock(mutex_);
  result_.figures = figures;
}

void Trial::SetCuts(std::vector<CutRun> cuts) {
  const MutexLock lock(mutex_);
  result_.cuts = std::move(cuts);
}

bool Trial::Over() const {
  if (cli::StopAsked()) return true;
  const MutexLock lock(mutex_);
  return result_.verdict != Verdict::kHolds;
}

ClaimResult Trial::Result() const {
  const MutexLock lock(mutex_);
  ClaimResult result = result_;
  result.group = claim_.group;
  result.name = claim_.name;
  result.text = claim_.text;
  return result;
}

}  // namespace tripla::check
