// SPDX-License-Identifier: Apache-2.0
//
// Versions (R8a, R8b), their new beginning after a del (R9), and the revision that never repeats.
#include <array>
#include <limits>

#include "check/api_claims.h"
#include "check/every_way.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

constexpr auto kNull = std::nullopt;

void ValueVersionIsIgnored(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  Triple before{1, 10, "a"};
  for (const int64_t version : {int64_t{77}, int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    const TestAndSetOperation operation{key, version, "b", before.version};
    v1::Operation request = ToWire(operation);
    request.mutable_test_and_set()->mutable_value()->set_version(version);
    client.Expect(operation, request, Result::kSuccess, before);
    before = {before.version + 1, version, "b"};
    client.Expect(GetOperation{key}, Result::kSuccess, before);
  }
}

void EqualityOnly(SoleClient& client, const Key& key) {
  using Int64 = std::numeric_limits<int64_t>;
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  const Triple stored{2, 11, "b"};
  // Neither smaller nor greater ones match, nor those that are equal in their low half.
  for (const int64_t version :
       {int64_t{0}, int64_t{1}, int64_t{3}, int64_t{-1}, int64_t{-2}, Int64::min(),
        Int64::min() + 2, Int64::max(), (int64_t{1} << 32) + 2, (int64_t{1} << 62) + 2}) {
    client.Expect(TestAndSetOperation{key, 12, "c", version}, Result::kWrongVersion, stored);
    client.Expect(DelVersionOperation{key, version}, Result::kWrongVersion, stored);
  }
  client.Expect(GetOperation{key}, Result::kSuccess, stored);
}

void VersionsCount(Trial& trial) {
  constexpr int64_t kVersions = 300;  // more than one byte counts
  const Key key = trial.NewKey();
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{key, 0, "0"}, Result::kSuccess, kNull);
  for (int64_t version = 1; version < kVersions; ++version) {
    const Triple before{version, version - 1, std::to_string(version - 1)};
    const std::string data = std::to_string(version);
    if (!client.Expect(TestAndSetOperation{key, version, data, version}, Result::kSuccess, before))
      return;
  }
  client.Expect(GetOperation{key}, Result::kSuccess,
                Triple{kVersions, kVersions - 1, std::to_string(kVersions - 1)});
}

void VersionsBeginAgain(SoleClient& client, const Key& key) {
  for (int round = 0; round < 3; ++round) {
    client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
    client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
    const Triple last{2, 11, "b"};
    if (round == 1) {
      client.Expect(DelVersionOperation{key, 2}, Result::kSuccess, last);
    } else {
      client.Expect(DelOperation{key}, Result::kSuccess, last);
    }
  }
}

// The entry is deleted and set anew: its version is the old one, its revision is not (ABA).
void GuardNoticesANewEntry(SoleClient& client, const Key& key) {
  const auto first = client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(DelOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
  const auto second = client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  if (!first || !second) return;
  const Triple stored{1, 10, "a"};
  client.Expect(TestAndSetOperation{key, 11, "b", 1, first->revision}, Result::kWrongVersion,
                stored);
  client.Expect(DelVersionOperation{key, 1, first->revision}, Result::kWrongVersion, stored);
  client.Expect(GetOperation{key}, Result::kSuccess, stored);
  client.Expect(TestAndSetOperation{key, 11, "b", 1, second->revision}, Result::kSuccess, stored);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
}

void GuardAndVersionMustBothFit(SoleClient& client, const Key& key) {
  const auto set = client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  if (!set) return;
  const Triple stored{1, 10, "a"};
  const uint64_t revision = set->revision;
  constexpr uint64_t kHighest = std::numeric_limits<uint64_t>::max();
  for (const uint64_t other :
       {revision - 1, revision + 1, kHighest, revision + (uint64_t{1} << 32)}) {
    if (other == 0) continue;  // 0 asks for no revision
    client.Expect(TestAndSetOperation{key, 11, "b", 1, other}, Result::kWrongVersion, stored);
    client.Expect(DelVersionOperation{key, 1, other}, Result::kWrongVersion, stored);
  }
  client.Expect(TestAndSetOperation{key, 11, "b", 2, revision}, Result::kWrongVersion, stored);
  client.Expect(DelVersionOperation{key, 2, revision}, Result::kWrongVersion, stored);
  client.Expect(DelVersionOperation{key, 1, revision}, Result::kSuccess, stored);
}

void GuardOfAnAbsentKey(SoleClient& client, const Key& key) {
  client.Expect(DelVersionOperation{key, 1, 1}, Result::kNoEntry, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 1, 1}, Result::kNoEntry, kNull);
  const auto set = client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(DelOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
  if (!set) return;
  client.Expect(DelVersionOperation{key, 1, set->revision}, Result::kNoEntry, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 1, set->revision}, Result::kNoEntry, kNull);
}

// An entry keeps the revision of its last change, whatever happens to other keys meanwhile.
void RepliesTellTheEntrysRevision(Trial& trial) {
  SoleClient client(trial, trial.caller());
  std::array<Key, 3> keys;
  for (Key& key : keys) {
    key = trial.NewKey();
    client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  }
  const Triple stored{1, 10, "a"};
  for (const Key& key : keys) {
    client.Expect(GetOperation{key}, Result::kSuccess, stored);
    client.Expect(SetOperation{key, 11, "b"}, Result::kError, stored);
    client.Expect(DelVersionOperation{key, 5}, Result::kWrongVersion, stored);
    client.Expect(TestAndSetOperation{key, 11, "b", 5}, Result::kWrongVersion, stored);
    client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, stored);
    client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
  }
  for (const Key& key : keys)
    client.Expect(DelOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
  for (const Key& key : keys) client.Expect(DelOperation{key}, Result::kError, kNull);
}

// A set, what changes nothing, and a del: between them the counter moves by one. Other clients may
// come between; then the next attempt tells.
void EveryChangeAddsOne(Trial& trial) {
  constexpr int kAttempts = 200;
  SoleClient client(trial, trial.caller());
  uint64_t step = 0;
  for (int i = 0; i < kAttempts && step != 1; ++i) {
    const Key key = trial.NewKey();
    const std::vector<Operation> operations = {
        SetOperation{key, 10, "a"},           SetOperation{key, 11, "b"},  GetOperation{key},
        TestAndSetOperation{key, 11, "b", 7}, DelVersionOperation{key, 7}, DelOperation{key}};
    const std::vector<Decided> replies = client.Batch(operations);
    if (replies.empty()) return;
    step = replies.back().revision - replies.front().revision;
  }
  trial.Check(step == 1, "set, four operations that change nothing, del",
              "revisions that differ by 1", "revisions that differ by " + std::to_string(step));
}

}  // namespace

std::vector<Claim> VersionClaims() {
  return {
      InEveryWay("R8a.value-version-ignored", "the version inside testAndSet's value is ignored",
                 ValueVersionIsIgnored),
      InEveryWay("R8b.equality-only",
                 "0, negative, smaller and greater versions never match, to both ends of int64",
                 EqualityOnly),
      {"api", "R8.versions-count", "versions count up by one, 300 times", VersionsCount},
      InEveryWay("R9.versions-begin-again", "del followed by set gives version 1 again",
                 VersionsBeginAgain),
      InEveryWay("R9.guard-notices-a-new-entry",
                 "if_revision tells an entry set anew from the one before, in spite of its version",
                 GuardNoticesANewEntry),
      InEveryWay("R9.guard-and-version", "version and if_revision must both fit, else ERROR_WV",
                 GuardAndVersionMustBothFit),
      InEveryWay("R9.guard-absent", "if_revision on an absent key is ERROR_NE", GuardOfAnAbsentKey),
      {"api", "R9.revision-of-the-entry",
       "every reply tells the revision of the last change to its entry",
       RepliesTellTheEntrysRevision},
      {"api", "R9.every-change-adds-one",
       "a change adds one to the revision; what changes nothing adds none", EveryChangeAddsOne},
  };
}

}  // namespace tripla::check
