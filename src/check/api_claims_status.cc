// SPDX-License-Identifier: Apache-2.0
//
// What every endpoint says of itself, and reads that may be old. A replica may be behind: then what
// it shows must come.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "check/api_claims.h"
#include "check/sole_client.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

using Clock = std::chrono::steady_clock;

// Asks again until `come` says so, for the time that one call may take.
bool Await(Trial& trial, const std::function<bool()>& come) {
  constexpr std::chrono::milliseconds kBetween{10};
  const Clock::time_point end = Clock::now() + trial.plan().timeout;
  while (!come()) {
    if (Clock::now() >= end || trial.Over()) return false;
    std::this_thread::sleep_for(kBetween);
  }
  return true;
}

// The status of an endpoint once it has come up to `revision`.
std::optional<v1::StatusReply> StatusFrom(Trial& trial, size_t endpoint, uint64_t revision) {
  const std::string what = "Admin.Status of " + trial.plan().endpoints[endpoint];
  Told<v1::StatusReply> told;
  const bool reached = Await(trial, [&] {
    told = trial.caller().Status(endpoint);
    if (!told.ok()) trial.NotDecided(what, "a status", told.status, told.error);
    return told.ok() && told.reply.revision() >= revision;
  });
  if (!told.ok()) return std::nullopt;
  trial.Check(reached, what, fmt::format("a revision of {} or above", revision),
              fmt::format("revision {}", told.reply.revision()));
  return told.reply;
}

void CheckStatus(Trial& trial, const std::string& what, const v1::StatusReply& status,
                 uint64_t keys_present) {
  static constexpr std::array<const char*, 4> kRoles = {"standalone", "leader", "follower",
                                                        "candidate"};
  trial.Check(status.keys() >= keys_present, what, fmt::format("{} keys or more", keys_present),
              fmt::format("{} keys", status.keys()));
  trial.Check(status.keys() <= status.revision(), what,
              fmt::format("no more keys than there were changes, {}", status.revision()),
              fmt::format("{} keys", status.keys()));
  trial.Check(status.state_hash().size() == 16, what, "a state hash of 16 bytes",
              fmt::format("{} bytes", status.state_hash().size()));
  trial.Check(std::ranges::find(kRoles, status.role()) != kRoles.end(), what,
              "role standalone, leader, follower or candidate", "role " + status.role());
}

void EveryEndpointTellsItsState(Trial& trial) {
  constexpr uint64_t kKeys = 10;
  SoleClient client(trial, trial.caller());
  const auto set_another = [&] {
    const auto set =
        client.Expect(SetOperation{trial.NewKey(), 1, "a"}, Result::kSuccess, std::nullopt);
    return set ? set->revision : 0;
  };
  uint64_t revision = 0;
  for (uint64_t key = 0; key < kKeys; ++key) revision = set_another();
  for (size_t i = 0; i < trial.caller().endpoints() && !trial.Over(); ++i) {
    const std::string what = "Admin.Status of " + trial.plan().endpoints[i];
    const auto before = StatusFrom(trial, i, revision);
    if (!before) return;
    CheckStatus(trial, what, *before, kKeys);
    revision = set_another();
    if (trial.Over()) return;
    trial.Check(before->revision() < revision, what,
                fmt::format("a revision below that of the next change, {}", revision),
                fmt::format("revision {}", before->revision()));
    const auto after = StatusFrom(trial, i, revision);
    if (!after) return;
    trial.Check(after->state_hash() != before->state_hash(), what,
                "another state hash after a change", "the same");
  }
}

void StaleReadsShowWhatWasWritten(Trial& trial) {
  const Key key = trial.NewKey();
  SoleClient client(trial, trial.caller());
  const auto set = client.Expect(SetOperation{key, 1, "a"}, Result::kSuccess, std::nullopt);
  const auto write =
      client.Expect(TestAndSetOperation{key, 2, "b", 1}, Result::kSuccess, Triple{1, 1, "a"});
  if (!set || !write) return;
  v1::Operation request = ToWire(GetOperation{key});
  request.mutable_get()->set_consistency(v1::STALE);
  const Decided first{Result::kSuccess, Triple{1, 1, "a"}, set->revision};
  const Decided second{Result::kSuccess, Triple{2, 2, "b"}, write->revision};
  // The caller takes its endpoints in turn: so often that each has shown it.
  for (size_t i = 0; i < trial.caller().endpoints(); ++i) {
    std::string last;
    const bool came = Await(trial, [&] {
      const ToldReply told = trial.caller().Settle(request);
      if (!told.ok()) {
        trial.NotDecided("a stale get", TextOf(second), told.status, told.error);
        return false;
      }
      const std::optional<Decided> reply = FromWire(told.reply);
      last = reply ? TextOf(*reply) : "a reply without a result";
      const bool absent = reply && reply->result == Result::kError && !reply->value;
      if (!absent && reply != first && reply != second) {
        trial.Fail("a stale get", "what was stored at some time", last);
      }
      return reply == second;
    });
    if (trial.Over()) return;
    trial.Check(came, "a stale get, until it is no longer old", TextOf(second), last);
  }
}

// An image may take its time where the database is large.
void ImagesAreWritten(Trial& trial) {
  constexpr std::chrono::seconds kPatience{60};
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{trial.NewKey(), 1, "a"}, Result::kSuccess, std::nullopt);
  for (size_t i = 0; i < trial.caller().endpoints() && !trial.Over(); ++i) {
    const std::string what = "Admin.Snapshot of " + trial.plan().endpoints[i];
    const Told<v1::SnapshotReply> told = trial.caller().Snapshot(i, kPatience);
    if (told.status.error_code() == grpc::DEADLINE_EXCEEDED) {
      return trial.LeaveOpen(fmt::format("{}: none within {} s", what, kPatience.count()));
    }
    if (!told.ok()) return trial.NotDecided(what, "an image", told.status, told.error);
  }
}

void HealthIsTold(Trial& trial) {
  using Response = grpc::health::v1::HealthCheckResponse;
  for (size_t i = 0; i < trial.caller().endpoints(); ++i) {
    for (const std::string service : {"", "tripla.v1.KeyValue"}) {
      const std::string what =
          fmt::format("health of \"{}\" at {}", service, trial.plan().endpoints[i]);
      Told<Response> told;
      // A replica that has just come may not be ready yet.
      const bool serves = Await(trial, [&] {
        told = trial.caller().Health(i, service);
        return !told.ok() || told.reply.status() == Response::SERVING;
      });
      if (!told.ok()) return trial.NotDecided(what, "SERVING", told.status, told.error);
      trial.Check(serves, what, "SERVING", Response::ServingStatus_Name(told.reply.status()));
    }
    Told<v1::StatusReply> status;
    const bool ready = Await(trial, [&] {
      status = trial.caller().Status(i);
      return !status.ok() || status.reply.ready();
    });
    const std::string what = "Admin.Status of " + trial.plan().endpoints[i];
    if (!status.ok()) return trial.NotDecided(what, "ready", status.status, status.error);
    trial.Check(ready, what, "ready, as health tells", "not ready");
  }
}

}  // namespace

std::vector<Claim> StatusClaims() {
  return {
      {"api", "R14.status",
       "every endpoint tells role, revision, keys and state hash, as they must be",
       EveryEndpointTellsItsState},
      {"api", "R15.health", "every endpoint tells grpc.health.v1 that it lives, and is ready",
       HealthIsTold},
      {"api", "R16.image", "every endpoint writes an image when Admin.Snapshot asks for one",
       ImagesAreWritten},
      {"api", "R25.stale-read",
       "a read that may be old shows what was stored, and comes up to date",
       StaleReadsShowWhatWasWritten},
  };
}

}  // namespace tripla::check
