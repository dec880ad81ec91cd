// SPDX-License-Identifier: Apache-2.0
//
// The limits a server advertises (R14): at the limit all is well, one more is refused and changes
// nothing.
#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "base/quantity.h"
#include "check/api_claims.h"
#include "check/refusal.h"
#include "check/sole_client.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

constexpr auto kNull = std::nullopt;
constexpr uint64_t kKeyBytes = 65'536;
// What a check may ask of a server that others use. Where the limit is higher this size must pass.
constexpr uint64_t kDataBytesMost = uint64_t{64} << 20;

constexpr const char* kNotAdvertised =
    "Admin.Status shows no such limit in this project's fields 24 to 27";

void LimitsAreAdvertised(Trial& trial) {
  for (size_t i = 0; i < trial.caller().endpoints(); ++i) {
    const std::string what = "Admin.Status of " + trial.plan().endpoints[i];
    const Told<v1::StatusReply> told = trial.caller().Status(i);
    if (!told.ok()) return trial.NotDecided(what, "a status", told.status, told.error);
    const v1::StatusReply& status = told.reply;
    const bool silent = status.key_bytes_max() == 0 && status.data_bytes_max() == 0 &&
                        status.batch_operations_max() == 0;
    if (silent) return trial.NotTried(kNotAdvertised);
    trial.Check(status.key_bytes_max() == kKeyBytes, what, "key_bytes_max 65536",
                std::to_string(status.key_bytes_max()));
    trial.Check(status.data_bytes_max() > 0, what, "data_bytes_max above 0", "0");
    trial.Check(status.batch_operations_max() > 0, what, "batch_operations_max above 0", "0");
    trial.SetFigures(fmt::format("key {}, data {}, batch {}", ByteSizeText(status.key_bytes_max()),
                                 ByteSizeText(status.data_bytes_max()),
                                 status.batch_operations_max()));
  }
}

void LongestKey(Trial& trial) {
  const std::string base(trial.NewKey().twos_complement());
  const Key key = trial.keys().Use(base + std::string(kKeyBytes - base.size(), '\x33'));
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{key, 10, "a"}, Result::kSuccess, kNull);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(TestAndSetOperation{key, 11, "b", 1}, Result::kSuccess, Triple{1, 10, "a"});
  client.Expect(DelVersionOperation{key, 1}, Result::kWrongVersion, Triple{2, 11, "b"});
  client.Expect(DelOperation{key}, Result::kSuccess, Triple{2, 11, "b"});
}

void KeyThatIsTooLong(Trial& trial) {
  const std::string base(trial.NewKey().twos_complement());
  const std::string bytes = base + std::string(kKeyBytes + 1 - base.size(), '\x33');
  std::vector<std::pair<std::string, v1::Operation>> requests(5);
  requests[0].first = "get";
  requests[0].second.mutable_get()->set_key(bytes);
  requests[1].first = "set";
  requests[1].second.mutable_set()->set_key(bytes);
  requests[2].first = "del";
  requests[2].second.mutable_del()->set_key(bytes);
  requests[3].first = "del with a version";
  requests[3].second.mutable_del_version()->set_key(bytes);
  requests[4].first = "testAndSet";
  requests[4].second.mutable_test_and_set()->set_key(bytes);
  for (const auto& [name, request] : requests) {
    ExpectRefusedInEveryWay(trial, name + " of a key of 64 KiB and one byte", request,
                            grpc::RESOURCE_EXHAUSTED);
  }
}

std::string MoreThan(uint64_t bytes) {
  return fmt::format("the limit is above {}, and no check asks for so much", ByteSizeText(bytes));
}

// With request ids: a leader that loses its majority over so much data does not know whether it was
// applied, and only with an id may it be sent again. The next call lets the server forget the data.
void LargestData(Trial& trial) {
  if (!trial.limits().data_bytes) return trial.NotTried(kNotAdvertised);
  const std::string data(trial.limits().DataAtMost(kDataBytesMost), 'd');
  const Key key = trial.NewKey();
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{key, 1, data}, Result::kSuccess, kNull);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 1, data});
  client.Expect(SetOperation{key, 2, "b"}, Result::kError, Triple{1, 1, data});
  client.Expect(TestAndSetOperation{key, 2, data, 1}, Result::kSuccess, Triple{1, 1, data});
  client.Expect(DelOperation{key}, Result::kSuccess, Triple{2, 2, data});
  trial.SetFigures(ByteSizeText(data.size()));
  if (*trial.limits().data_bytes > kDataBytesMost) trial.NotTried(MoreThan(kDataBytesMost));
}

void DataThatIsTooLarge(Trial& trial) {
  if (!trial.limits().data_bytes) return trial.NotTried(kNotAdvertised);
  if (*trial.limits().data_bytes > kDataBytesMost) return trial.NotTried(MoreThan(kDataBytesMost));
  const std::string data(*trial.limits().data_bytes + 1, 'd');
  const Key key = trial.NewKey();
  SoleClient client(trial, trial.caller());
  const std::string what = fmt::format("data of {} bytes", data.size());
  ExpectRefusedInEveryWay(trial, "set with " + what, ToWire(SetOperation{key, 1, data}),
                          grpc::RESOURCE_EXHAUSTED);
  client.Expect(GetOperation{key}, Result::kError, kNull);
  client.Expect(SetOperation{key, 1, "a"}, Result::kSuccess, kNull);
  ExpectRefusedInEveryWay(trial, "testAndSet with " + what,
                          ToWire(TestAndSetOperation{key, 1, data, 1}), grpc::RESOURCE_EXHAUSTED);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 1, "a"});
  trial.SetFigures(fmt::format("{} bytes", data.size()));
}

v1::BatchRequest Dels(const Key& key, uint64_t count) {
  v1::BatchRequest batch;
  for (uint64_t i = 0; i < count; ++i) *batch.add_operations() = ToWire(DelOperation{key});
  return batch;
}

void LongestBatch(Trial& trial) {
  constexpr uint64_t kMost = 100'000;
  if (!trial.limits().batch_operations) return trial.NotTried(kNotAdvertised);
  const uint64_t count = trial.limits().OperationsAtMost(kMost);
  const std::string what = fmt::format("a batch of {} operations", count);
  const Key key = trial.NewKey();
  const ToldBatch told = trial.caller().SettleBatch(Dels(key, count));
  if (!told.ok()) return trial.NotDecided(what, "a decision", told.status, told.error);
  trial.Check(told.reply.replies_size() == static_cast<int>(count), what, "as many replies",
              fmt::format("{} replies", told.reply.replies_size()));
  trial.SetFigures(fmt::format("{} operations", count));
  if (*trial.limits().batch_operations > kMost) {
    return trial.NotTried(fmt::format("the limit is above {} operations", kMost));
  }
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{key, 1, "a"}, Result::kSuccess, kNull);
  ExpectRefused(trial, fmt::format("a batch of {} operations", count + 1),
                trial.caller().SettleBatch(Dels(key, count + 1)), grpc::RESOURCE_EXHAUSTED);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 1, "a"});
}

// Data of one byte more than the keys and data of a batch may have together.
void BatchThatIsTooLarge(Trial& trial) {
  constexpr uint64_t kPerOperation = uint64_t{1} << 20;
  if (!trial.limits().batch_bytes) return trial.NotTried(kNotAdvertised);
  const uint64_t bytes = *trial.limits().batch_bytes + 1;
  const uint64_t most = trial.limits().DataAtMost(kPerOperation);
  if (bytes > kDataBytesMost + 1) return trial.NotTried(MoreThan(kDataBytesMost));
  const uint64_t count = (bytes + most - 1) / most;
  if (count != trial.limits().OperationsAtMost(count)) {
    return trial.NotTried("no batch within the other limits is so large");
  }
  std::vector<Key> keys;
  v1::BatchRequest batch;
  for (uint64_t left = bytes; left > 0; left -= std::min(left, most)) {
    keys.push_back(trial.NewKey());
    *batch.add_operations() =
        ToWire(SetOperation{keys.back(), 1, std::string(std::min(left, most), 'd')});
  }
  ExpectRefused(trial, fmt::format("a batch with data of {} bytes", bytes),
                trial.caller().SettleBatch(batch), grpc::RESOURCE_EXHAUSTED);
  SoleClient client(trial, trial.caller());
  for (const Key& key : {keys.front(), keys.back()}) {
    client.Expect(GetOperation{key}, Result::kError, kNull);
  }
  trial.SetFigures(fmt::format("{} bytes", bytes));
}

}  // namespace

std::vector<Claim> LimitClaims() {
  return {
      {"api", "R14.advertised", "Admin.Status advertises the limits", LimitsAreAdvertised},
      {"api", "R14.longest-key", "a key of 64 KiB is a key like any other", LongestKey},
      {"api", "R14.key-too-long", "a key of one byte more is RESOURCE_EXHAUSTED everywhere",
       KeyThatIsTooLong},
      {"api", "R14.largest-data",
       "data of the advertised size is stored, and shown by refusals too", LargestData},
      {"api", "R14.data-too-large", "data of one byte more is RESOURCE_EXHAUSTED; nothing changes",
       DataThatIsTooLarge},
      {"api", "R14.longest-batch",
       "a batch of the advertised length is decided; of one more it is RESOURCE_EXHAUSTED",
       LongestBatch},
      {"api", "R14.batch-too-large",
       "a batch of more bytes than advertised is RESOURCE_EXHAUSTED, and nothing of it happened",
       BatchThatIsTooLarge},
  };
}

}  // namespace tripla::check
