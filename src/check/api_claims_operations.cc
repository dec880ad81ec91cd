// SPDX-License-Identifier: Apache-2.0
//
// Each row of the table of operations: what stands there before, what is answered, what is there
// afterwards.
#include "check/api_claims.h"
#include "check/every_way.h"

namespace tripla::check {
namespace {

constexpr auto kNull = std::nullopt;

void SetAbsent(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
}

void SetPresent(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(SetOperation{key, 11, "b"}, Result::kError, Triple{1, 10, "a"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
}

void SetIdentical(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(SetOperation{key, 10, "a"}, Result::kError, Triple{1, 10, "a"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
}

void SetPresentLater(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(SetOperation{key, 12, "c"}, Result::kError, Triple{2, 11, "b"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
}

void GetAbsent(SoleClient& client, const Key& key) {
  client.Expect(GetOperation{key}, Result::kError, kNull);
}

void GetPresent(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
}

void DelAbsent(SoleClient& client, const Key& key) {
  client.Expect(DelOperation{key}, Result::kError, kNull);
  client.Expect(GetOperation{key}, Result::kError, kNull);
}

void DelPresent(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(DelOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
  client.Expect(GetOperation{key}, Result::kError, kNull);
  client.Expect(DelOperation{key}, Result::kError, kNull);
}

void DelVersionAbsent(SoleClient& client, const Key& key) {
  for (const int64_t version : {0, 1}) {
    client.Expect(DelVersionOperation{key, version}, Result::kNoEntry, kNull);
  }
  client.Expect(GetOperation{key}, Result::kError, kNull);
}

void DelVersionDiffers(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(DelVersionOperation{key, 2}, Result::kWrongVersion, Triple{1, 10, "a"});
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(DelVersionOperation{key, 1}, Result::kWrongVersion, Triple{2, 11, "b"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
}

void DelVersionEqual(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(DelVersionOperation{key, 2}, Result::kSuccess, Triple{2, 11, "b"});
  client.Expect(GetOperation{key}, Result::kError, kNull);
  client.Expect(DelVersionOperation{key, 2}, Result::kNoEntry, kNull);
}

void TestAndSetAbsent(SoleClient& client, const Key& key) {
  for (const int64_t version : {0, 1}) {
    client.Expect(TestAndSetOperation{key, 10, "a", version}, Result::kNoEntry, kNull);
  }
  client.Expect(GetOperation{key}, Result::kError, kNull);
}

void TestAndSetDiffers(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 2}, Result::kWrongVersion, Triple{1, 10, "a"});
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(TestAndSetOperation{key, 12, "c", 1}, Result::kWrongVersion, Triple{2, 11, "b"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
}

void TestAndSetEqual(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
  client.Expect(TestAndSetOperation{key, 12, "c", 2}, Result::kSuccess, Triple{2, 11, "b"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{3, 12, "c"});
}

void TestAndSetIdentical(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 10, "a", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 10, "a"});
}

}  // namespace

std::vector<Claim> OperationClaims() {
  return {
      InEveryWay("R4.set-absent", "set of an absent key answers NULL and stores version 1",
                 SetAbsent),
      InEveryWay("R4.set-present", "set of a present key answers ERROR, shows it, changes nothing",
                 SetPresent),
      InEveryWay("R4.set-identical", "set of what is stored already is ERROR too", SetIdentical),
      InEveryWay("R4.set-present-later", "set of a present key shows its newest version",
                 SetPresentLater),
      InEveryWay("R5.get-absent", "get of an absent key is ERROR and NULL", GetAbsent),
      InEveryWay("R5.get-present", "get of a present key shows it, and again", GetPresent),
      InEveryWay("R6.del-absent", "del of an absent key is ERROR, not ERROR_NE", DelAbsent),
      InEveryWay("R6.del-present", "del shows what it removed; then the key is absent", DelPresent),
      InEveryWay("R7.del-version-absent", "del with a version, of an absent key, is ERROR_NE",
                 DelVersionAbsent),
      InEveryWay("R7.del-version-differs",
                 "del with another version is ERROR_WV, shows the entry, changes nothing",
                 DelVersionDiffers),
      InEveryWay("R7.del-version-equal", "del with the stored version shows what it removed",
                 DelVersionEqual),
      InEveryWay("R8.test-and-set-absent",
                 "testAndSet of an absent key is ERROR_NE, creates nothing", TestAndSetAbsent),
      InEveryWay("R8.test-and-set-differs",
                 "testAndSet with another version is ERROR_WV, shows the entry, changes nothing",
                 TestAndSetDiffers),
      InEveryWay("R8.test-and-set-equal",
                 "testAndSet with the stored version shows what was there before and adds one",
                 TestAndSetEqual),
      InEveryWay("R8.test-and-set-identical", "testAndSet of the same data is a new version",
                 TestAndSetIdentical),
  };
}

}  // namespace tripla::check
