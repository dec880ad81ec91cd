// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <chrono>
#include <optional>
#include <random>
#include <utility>

#include "base/quantity.h"
#include "client/backoff.h"
#include "client/core.h"

namespace tripla {
namespace {

// The waits after a lost race: from about the time of one write to that of a few writes.
constexpr std::chrono::milliseconds kLostWaitMin{1};
constexpr std::chrono::milliseconds kLostWaitMax{64};

Failure AlwaysTooLate(int lost, std::chrono::milliseconds allowed) {
  return {absl::StatusCode::kAborted,
          fmt::format("other clients were faster {} times within {}", lost, DurationText(allowed)),
          Failure::Applied::kNo, std::nullopt};
}

bool NothingToDo(const Change& change, const Decided& stored) {
  return change.kind == Change::Kind::kNothing ||
         (change.kind == Change::Kind::kDelete && !stored.value);
}

}  // namespace

Answer<Decided> Client::Core::TryChange(CallInProgress& call, const Key& key, const Decided& stored,
                                        Change change) {
  if (change.kind == Change::Kind::kDelete) {
    return Execute(call, DelVersionOperation{key, stored.value->version, stored.revision});
  }
  if (!stored.value) {
    return Execute(call, SetOperation{key, change.timestamp, std::move(change.data)});
  }
  return Execute(call, TestAndSetOperation{key, change.timestamp, std::move(change.data),
                                           stored.value->version, stored.revision});
}

Answer<Updated> Client::Core::Update(CallInProgress& call, const Key& key,
                                     const UpdateFunction& decide) {
  Answer<Decided> stored = Execute(call, GetOperation{key});
  std::optional<Backoff> backoff;
  for (int lost = 0;; ++lost) {
    if (!stored.ok()) return stored.failure();
    Change change = decide(stored->value);
    Updated updated{change.kind, stored->value, stored->revision, lost};
    if (NothingToDo(change, *stored)) return updated;
    Answer<Decided> tried = TryChange(call, key, *stored, std::move(change));
    if (!tried.ok()) return tried.failure();
    if (tried->result == Result::kSuccess) {
      updated.revision = tried->revision;
      return updated;
    }
    // The answer says what is stored now.
    stored = std::move(tried);
    if (!backoff) backoff.emplace(kLostWaitMin, kLostWaitMax, std::random_device()());
    const Clock::time_point until = Clock::now() + backoff->Next();
    if (until >= call.deadline) return AlwaysTooLate(lost + 1, call.allowed);
    if (!call.running.Sleep(until)) {
      return Failure{absl::StatusCode::kCancelled, "cancelled", Failure::Applied::kNo, {}};
    }
  }
}

}  // namespace tripla
