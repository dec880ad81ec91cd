// SPDX-License-Identifier: Apache-2.0
#include "snapshot/scrub.h"

#include <fmt/core.h>

#include <chrono>
#include <string>
#include <utility>

#include "base/status_macros.h"

namespace tripla {
namespace {

constexpr std::chrono::milliseconds kSlice{1};
constexpr int kRowsBetweenLooks = 16;  // at the clock

}  // namespace

absl::Status MemoryDamage(const absl::Status& what) {
  return absl::DataLossError(
      fmt::format("the memory of this server was damaged: {}; what it has answered of late may be "
                  "wrong, but the images and the log on the disk are good: start it again, which "
                  "reads them, and test the memory of this machine",
                  std::string(what.message())));
}

Scrub::Scrub(StateView view)
    : view_(std::move(view)), entries_(view_.Entries()), sessions_(view_.Sessions()) {}

absl::StatusOr<bool> Scrub::Step() {
  absl::StatusOr<bool> done = Verify();
  if (!done.ok()) return MemoryDamage(done.status());
  return done;
}

absl::StatusOr<bool> Scrub::Verify() {
  const auto end = std::chrono::steady_clock::now() + kSlice;
  do {
    for (int i = 0; i < kRowsBetweenLooks; ++i) {
      TRIPLA_ASSIGN_OR_RETURN(const bool added, AddNext());
      if (added) continue;
      TRIPLA_RETURN_IF_ERROR(proof_.Finish(view_.summary()));
      return true;
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

absl::StatusOr<bool> Scrub::AddNext() {
  if (entries_.Valid()) {
    TRIPLA_RETURN_IF_ERROR(proof_.Add(entries_));
    entries_.Next();
    return true;
  }
  if (!sessions_.Valid()) return false;
  TRIPLA_RETURN_IF_ERROR(proof_.Add(sessions_.session()));
  AnswerRow answer;
  DecidedRun run;
  while (sessions_.NextAnswer(answer)) TRIPLA_RETURN_IF_ERROR(proof_.Add(answer));
  while (sessions_.NextRun(run)) TRIPLA_RETURN_IF_ERROR(proof_.Add(run));
  sessions_.Next();
  return true;
}

}  // namespace tripla
