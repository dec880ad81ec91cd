// SPDX-License-Identifier: Apache-2.0
//
// Keys (R1, R10), data (R2) and timestamps (R3), to their ends.
#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <span>
#include <string>

#include "check/api_claims.h"
#include "check/every_way.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

using std::string_literals::operator""s;

constexpr auto kNull = std::nullopt;

// Writes something else under each key, reads all back, removes every second one, reads again.
void ExpectDifferent(Trial& trial, const std::vector<Key>& keys) {
  SoleClient client(trial, trial.caller());
  std::vector<Operation> sets;
  std::vector<Operation> gets;
  std::vector<Operation> dels;
  for (size_t i = 0; i < keys.size(); ++i) {
    sets.emplace_back(SetOperation{keys[i], static_cast<int64_t>(i), std::to_string(i)});
    gets.emplace_back(GetOperation{keys[i]});
    if (i % 2 == 0) dels.emplace_back(DelOperation{keys[i]});
  }
  const size_t per_batch = trial.limits().OperationsAtMost(1000);
  for (const auto* operations : {&sets, &gets, &dels, &gets}) {
    for (size_t i = 0; i < operations->size(); i += per_batch) {
      const size_t count = std::min(per_batch, operations->size() - i);
      if (client.Batch(std::span(*operations).subspan(i, count)).empty()) return;
    }
  }
  for (const Operation& get : gets) client.Do(get);
  trial.SetFigures(fmt::format("{} keys", keys.size()));
}

std::string Complement(std::string bytes) {
  std::ranges::transform(bytes, bytes.begin(), [](char c) { return static_cast<char>(~c); });
  return bytes;
}

void KeysOfAnySize(Trial& trial) {
  constexpr size_t kBytesOf10000Digits = 4153;
  const std::string base(trial.NewKey().twos_complement());
  std::vector<Key> keys;
  for (const size_t size : {base.size() + 1, size_t{32}, size_t{122}, size_t{123}, size_t{124},
                            size_t{255}, size_t{256}, size_t{1000}, kBytesOf10000Digits}) {
    const std::string positive = base + std::string(size - base.size(), '\x5a');
    const std::string negative = Complement(positive);
    std::string last_byte_differs = positive;
    last_byte_differs.back() ^= 1;
    // The bytes of the negative number as a positive one: only the sign byte tells them apart.
    for (const std::string& bytes :
         {positive, negative, last_byte_differs, std::string(1, '\0') + negative}) {
      keys.push_back(trial.keys().Use(bytes));
    }
  }
  ExpectDifferent(trial, keys);
}

void KeysThatDifferInOneBit(Trial& trial) {
  const std::string base(trial.NewKey().twos_complement());
  std::vector<Key> keys = {trial.keys().Use(base)};
  for (size_t bit = 0; bit < base.size() * 8; ++bit) {
    std::string bytes = base;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    keys.push_back(trial.keys().Use(bytes));
  }
  ExpectDifferent(trial, keys);
}

// `bytes` in front of the key's own, for every kind of operation.
template <typename Op>
v1::Operation Redundant(const Op& operation, const std::string& bytes) {
  v1::Operation request = ToWire(operation);
  const std::string key = bytes + std::string(operation.key.twos_complement());
  if (request.has_set()) request.mutable_set()->set_key(key);
  if (request.has_get()) request.mutable_get()->set_key(key);
  if (request.has_del()) request.mutable_del()->set_key(key);
  if (request.has_del_version()) request.mutable_del_version()->set_key(key);
  if (request.has_test_and_set()) request.mutable_test_and_set()->set_key(key);
  return request;
}

// Every operation reaches the entry by either encoding.
void RedundantSignBytes(SoleClient& client, const Key& key, const std::string& sign) {
  const auto expect = [&](const auto& operation, Result result,
                          const std::optional<Triple>& value) {
    client.Expect(operation, Redundant(operation, sign), result, value);
  };
  expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
  expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
  expect(SetOperation{key, 11, "b"}, Result::kError, Triple{1, 10, "a"});
  expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  expect(DelVersionOperation{key, 1}, Result::kWrongVersion, Triple{2, 11, "b"});
  expect(DelVersionOperation{key, 2}, Result::kSuccess, Triple{2, 11, "b"});
  client.Expect(SetOperation{key, 12, "c"}, Result::kSuccess, kNull);
  expect(DelOperation{key}, Result::kSuccess, Triple{1, 12, "c"});
  client.Expect(GetOperation{key}, Result::kError, kNull);
}

void OneIntegerIsOneKey(Trial& trial) {
  for (const Way way : {Way::kPlain, Way::kWithId, Way::kBatch}) {
    for (const size_t count : {1, 3}) {
      SoleClient client(trial, trial.caller(), way);
      RedundantSignBytes(client, trial.NewKey(), std::string(count, '\0'));
      const std::string positive(trial.NewKey().twos_complement());
      const Key negative = trial.keys().Use(Complement(positive));
      RedundantSignBytes(client, negative, std::string(count, '\xff'));
      if (trial.Over()) return;
    }
  }
}

// 0, 1 and -1 may be somebody's: they are only read. Somebody may also change one between the two
// reads of a batch, hardly every time.
void SmallIntegersAreOneKey(Trial& trial) {
  constexpr int kAttempts = 20;
  for (const auto& [one, other] : {std::pair("\x00"s, "\x00\x00"s), std::pair("\x01"s, "\x00\x01"s),
                                   std::pair("\xff"s, "\xff\xff"s)}) {
    v1::BatchRequest request;
    request.add_operations()->mutable_get()->set_key(one);
    request.add_operations()->mutable_get()->set_key(other);
    bool same = false;
    for (int i = 0; i < kAttempts && !same; ++i) {
      const ToldBatch told = trial.caller().SettleBatch(request);
      if (!told.ok()) return trial.NotDecided("two gets", "a decision", told.status, told.error);
      if (told.reply.replies_size() != 2) break;
      same = told.reply.replies(0).SerializeAsString() == told.reply.replies(1).SerializeAsString();
    }
    trial.Check(same, "get of one small integer in two encodings", "one entry, or none",
                "two different answers");
  }
}

// `data` through every reply that can carry it.
void DataComesBack(SoleClient& client, const Key& key, const std::string& data) {
  client.Expect(SetOperation{key, 1, data}, Result::kSuccess, kNull);
  const Triple first{1, 1, data};
  client.Expect(GetOperation{key}, Result::kSuccess, first);
  client.Expect(SetOperation{key, 2, "other"}, Result::kError, first);
  client.Expect(DelVersionOperation{key, 9}, Result::kWrongVersion, first);
  client.Expect(TestAndSetOperation{key, 2, "other", 9}, Result::kWrongVersion, first);
  client.Expect(TestAndSetOperation{key, 2, data, 1}, Result::kSuccess, first);
  client.Expect(DelVersionOperation{key, 2}, Result::kSuccess, Triple{2, 2, data});
  client.Expect(SetOperation{key, 3, data}, Result::kSuccess, kNull);
  client.Expect(DelOperation{key}, Result::kSuccess, Triple{1, 3, data});
}

void DataIsAnyBytes(SoleClient& client, const Key& key) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  for (const std::string& data :
       {std::string(1, '\0'), std::string(3, '\0'), every_byte, std::string("\xff\xfe\xc0\x80"),
        std::string("\x1b[31m\r\n\0\n", 9), std::string(1000, 'd')}) {
    DataComesBack(client, key, data.substr(0, client.limits().DataAtMost(data.size())));
  }
}

void EmptyDataIsNotNull(SoleClient& client, const Key& key) { DataComesBack(client, key, ""); }

void DataOfManySizes(Trial& trial) {
  std::mt19937_64 chance = trial.Chance(0);
  size_t sizes = 0;
  for (const uint64_t size : {127, 128, 4095, 4096, 16'383, 16'384, 65'535, 65'536, 1 << 20}) {
    if (size > trial.limits().DataAtMost(size) || trial.Over()) break;
    std::string data(size, '\0');
    std::ranges::generate(data, [&] { return static_cast<char>(chance()); });
    SoleClient client(trial, trial.caller(), Way::kPlain);
    DataComesBack(client, trial.NewKey(), data);
    ++sizes;
  }
  trial.SetFigures(fmt::format("{} sizes", sizes));
}

void TimestampsComeBack(SoleClient& client, const Key& key) {
  using Int64 = std::numeric_limits<int64_t>;
  for (const int64_t timestamp : {int64_t{0}, int64_t{-1}, Int64::min(), Int64::max(),
                                  (int64_t{1} << 53) + 1, int64_t{1} << 32, -(int64_t{1} << 31)}) {
    const Triple first{1, timestamp, "a"};
    client.Expect(SetOperation{key, timestamp, "a"}, Result::kSuccess, kNull);
    client.Expect(GetOperation{key}, Result::kSuccess, first);
    client.Expect(SetOperation{key, 5, "b"}, Result::kError, first);
    client.Expect(DelVersionOperation{key, 9}, Result::kWrongVersion, first);
    client.Expect(TestAndSetOperation{key, 5, "b", 9}, Result::kWrongVersion, first);
    client.Expect(TestAndSetOperation{key, timestamp, "b", 1}, Result::kSuccess, first);
    client.Expect(DelOperation{key}, Result::kSuccess, Triple{2, timestamp, "b"});
  }
}

void TimestampsAreNeverCompared(SoleClient& client, const Key& key) {
  client.Expect(SetOperation{key, 100, "a"}, Result::kSuccess, kNull);
  client.Expect(TestAndSetOperation{key, 50, "b", 1}, Result::kSuccess, Triple{1, 100, "a"});
  client.Expect(TestAndSetOperation{key, 50, "c", 2}, Result::kSuccess, Triple{2, 50, "b"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{3, 50, "c"});
}

void LeaveOutData(v1::Operation& request) {
  if (request.has_set()) request.mutable_set()->set_without_data(true);
  if (request.has_del()) request.mutable_del()->set_without_data(true);
  if (request.has_del_version()) request.mutable_del_version()->set_without_data(true);
  if (request.has_test_and_set()) request.mutable_test_and_set()->set_without_data(true);
}

void ExpectReply(Trial& trial, const std::string& what, const ToldReply& told, Result result,
                 const std::optional<Triple>& value) {
  if (!told.ok()) return trial.NotDecided(what, "a decision", told.status, told.error);
  const std::optional<Decided> reply = FromWire(told.reply);
  if (!reply) return trial.Fail(what, "a decision", "a reply without a result");
  const Decided wanted{.result = result, .value = value, .revision = reply->revision};
  trial.Check(reply->result == result && reply->value == value, what, TextOf(wanted),
              TextOf(*reply));
}

// Each kind of write on one key, in the order in which each finds something to report.
struct Report {
  Operation operation;
  Result result;
  Triple value;
};
std::vector<Report> Reports(const Key& key) {
  return {{SetOperation{key, 11, "x"}, Result::kError, {1, 10, "abc"}},
          {TestAndSetOperation{key, 12, "de", 1}, Result::kSuccess, {1, 10, "abc"}},
          {DelVersionOperation{key, 1}, Result::kWrongVersion, {2, 12, "de"}},
          {DelOperation{key}, Result::kSuccess, {2, 12, "de"}}};
}

void WithoutDataAlone(Trial& trial) {
  const Key key = trial.NewKey();
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{key, 10, "abc"}, Result::kSuccess, kNull);
  for (const auto& [operation, result, value] : Reports(key)) {
    v1::Operation request = ToWire(operation);
    LeaveOutData(request);
    ExpectReply(trial, TextOf(operation) + " without data", trial.caller().Settle(request), result,
                Triple{value.version, value.timestamp, ""});
    if (trial.Over()) return;
  }
}

// Every second operation of a batch wants the data.
void WithoutDataInBatches(Trial& trial) {
  const Key key = trial.NewKey();
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{key, 10, "abc"}, Result::kSuccess, kNull);
  const std::vector<Report> reports = Reports(key);
  v1::BatchRequest batch;
  for (size_t i = 0; i < reports.size(); ++i) {
    *batch.add_operations() = ToWire(reports[i].operation);
    if (i % 2 == 0) LeaveOutData(*batch.mutable_operations(static_cast<int>(i)));
  }
  const ToldBatch told = trial.caller().SettleBatch(batch);
  if (!told.ok()) {
    return trial.NotDecided("a batch without data", "a decision", told.status, told.error);
  }
  for (int i = 0; i < std::min(batch.operations_size(), told.reply.replies_size()); ++i) {
    const auto& [operation, result, value] = reports[static_cast<size_t>(i)];
    const std::string data = i % 2 == 0 ? "" : value.data;
    ExpectReply(trial, fmt::format("number {} of a batch: {}", i, TextOf(operation)),
                {.status = told.status, .reply = told.reply.replies(i)}, result,
                Triple{value.version, value.timestamp, data});
  }
}

void ReplaysWithoutData(Trial& trial) {
  for (const bool first_without : {true, false}) {
    const Key key = trial.NewKey();
    SoleClient client(trial, trial.caller());
    client.Expect(SetOperation{key, 10, "abc"}, Result::kSuccess, kNull);
    const RequestIds::Lease lease(trial.caller().ids(), 1);
    v1::Operation with = ToWire(DelOperation{key});
    SetRequestId(with,
                 MakeId(trial.caller().ids().client(), lease.first(), lease.first_unanswered()));
    v1::Operation without = with;
    LeaveOutData(without);
    for (const bool leave_out : {first_without, !first_without, first_without}) {
      ExpectReply(trial, leave_out ? "del under an id, without data" : "del under the same id",
                  trial.caller().Settle(leave_out ? without : with), Result::kSuccess,
                  Triple{1, 10, leave_out ? "" : "abc"});
      if (trial.Over()) return;
    }
  }
}

}  // namespace

std::vector<Claim> ValueClaims() {
  return {
      {"api", "R12b.without-data", "an answer without data has version and timestamp, and no data",
       WithoutDataAlone},
      {"api", "R12b.in-batches", "each operation of a batch has its data left out or not",
       WithoutDataInBatches},
      {"api", "R12b.replays", "a replayed answer has the data when the request that asks wants it",
       ReplaysWithoutData},
      {"api", "R1.any-size", "keys are integers of any size and sign, 10,000 digits and more",
       KeysOfAnySize},
      {"api", "R1.one-bit", "keys that differ in one bit are different keys",
       KeysThatDifferInOneBit},
      InEveryWay("R2.any-bytes", "data is any bytes, and comes back as it was", DataIsAnyBytes),
      InEveryWay("R2.empty", "empty data is an entry, not NULL", EmptyDataIsNotNull),
      {"api", "R2.sizes", "data of any length comes back, up to a MiB", DataOfManySizes},
      InEveryWay("R3.bit-for-bit", "timestamps come back bit for bit, to both ends of int64",
                 TimestampsComeBack),
      InEveryWay("R3.never-compared", "an older timestamp replaces a newer one",
                 TimestampsAreNeverCompared),
      {"api", "R10.one-integer", "redundant sign bytes make no other key, in any operation",
       OneIntegerIsOneKey},
      {"api", "R10.small-integers", "so too 00 00 = 0, 00 01 = 1 and FF FF = -1 (only read)",
       SmallIntegersAreOneKey},
  };
}

}  // namespace tripla::check
