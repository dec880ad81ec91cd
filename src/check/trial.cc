// SPDX-License-Identifier: Apache-2.0
#include "check/trial.h"

#include <fmt/core.h>

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
  return std::make_unique<Caller>(plan().endpoints, plan().timeout, std::make_shared<RequestIds>());
}

std::unique_ptr<Caller> Trial::NewConnections() {
  return std::make_unique<Caller>(plan().endpoints, plan().timeout, caller().shared_ids());
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
  if (mismatches_.size() < kMismatchesShown) {
    mismatches_.push_back({std::string(what), std::string(expected), std::string(got)});
  } else {
    ++mismatches_more_;
  }
}

bool Trial::Check(bool holds, std::string_view what, std::string_view expected,
                  std::string_view got) {
  if (!holds) Fail(what, expected, got);
  return holds;
}

void Trial::LeaveOpen(std::string_view because) {
  const MutexLock lock(mutex_);
  if (open_because_.empty()) open_because_ = because;
}

void Trial::NotDecided(std::string_view what, std::string_view expected, const grpc::Status& status,
                       const AttemptFailure& error) {
  if (!OutOfReach(error)) return Fail(what, expected, TextOf(status));
  LeaveOpen(fmt::format("{}: {}", what, TextOf(status)));
  const MutexLock lock(mutex_);
  no_answer_ = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
}

void Trial::SetFigures(std::string_view figures) {
  const MutexLock lock(mutex_);
  figures_ = figures;
}

bool Trial::Over() const {
  if (cli::StopAsked()) return true;
  const MutexLock lock(mutex_);
  return !mismatches_.empty() || !open_because_.empty();
}

ClaimResult Trial::Result() const {
  ClaimResult result{.group = claim_.group, .name = claim_.name, .text = claim_.text};
  const MutexLock lock(mutex_);
  result.mismatches = mismatches_;
  result.mismatches_more = mismatches_more_;
  result.open_because = open_because_;
  result.no_answer = no_answer_;
  result.figures = figures_;
  if (!mismatches_.empty()) {
    result.verdict = Verdict::kFails;
  } else if (!open_because_.empty()) {
    result.verdict = Verdict::kOpen;
  }
  return result;
}

}  // namespace tripla::check
