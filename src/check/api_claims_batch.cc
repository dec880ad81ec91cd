// SPDX-License-Identifier: Apache-2.0
//
// Batch: replies in the order of the operations, executed in this order, each decided on its own.
#include <fmt/core.h>

#include <string>

#include "check/api_claims.h"
#include "check/sole_client.h"

namespace tripla::check {
namespace {

struct Step {
  Operation operation;
  Result result;
  std::optional<Triple> value;
};

void ExpectBatch(Trial& trial, const std::vector<Step>& steps) {
  SoleClient client(trial, trial.caller());
  std::vector<Operation> operations;
  for (const Step& step : steps) operations.push_back(step.operation);
  const std::vector<Decided> replies = client.Batch(operations);
  for (size_t i = 0; i < replies.size(); ++i) {
    const Decided wanted{
        .result = steps[i].result, .value = steps[i].value, .revision = replies[i].revision};
    trial.Check(replies[i].result == wanted.result && replies[i].value == wanted.value,
                fmt::format("number {} of a batch: {}", i, TextOf(operations[i])), TextOf(wanted),
                TextOf(replies[i]));
  }
}

void EachSeesTheOnesBefore(Trial& trial) {
  const Key k = trial.NewKey();
  const auto kNull = std::nullopt;
  ExpectBatch(trial,
              {
                  {GetOperation{k}, Result::kError, kNull},
                  {TestAndSetOperation{k, 0, "z", 1}, Result::kNoEntry, kNull},
                  {DelVersionOperation{k, 1}, Result::kNoEntry, kNull},
                  {DelOperation{k}, Result::kError, kNull},
                  {SetOperation{k, 10, "a"}, Result::kSuccess, kNull},
                  {GetOperation{k}, Result::kSuccess, Triple{1, 10, "a"}},
                  {SetOperation{k, 11, "b"}, Result::kError, Triple{1, 10, "a"}},
                  {TestAndSetOperation{k, 12, "c", 1}, Result::kSuccess, Triple{1, 10, "a"}},
                  {TestAndSetOperation{k, 13, "d", 1}, Result::kWrongVersion, Triple{2, 12, "c"}},
                  {DelVersionOperation{k, 1}, Result::kWrongVersion, Triple{2, 12, "c"}},
                  {GetOperation{k}, Result::kSuccess, Triple{2, 12, "c"}},
                  {DelVersionOperation{k, 2}, Result::kSuccess, Triple{2, 12, "c"}},
                  {SetOperation{k, 14, "e"}, Result::kSuccess, kNull},
                  {DelOperation{k}, Result::kSuccess, Triple{1, 14, "e"}},
                  {GetOperation{k}, Result::kError, kNull},
              });
}

void RepliesComeInOrder(Trial& trial) {
  // A key has fewer than two operations on average.
  const auto count = static_cast<int64_t>(trial.limits().OperationsAtMost(1000) / 2);
  std::vector<Key> keys;
  for (int64_t i = 0; i < count; ++i) keys.push_back(trial.NewKey());
  std::vector<Step> steps;
  // From the last key to the first: an order that no map of keys has.
  for (int64_t i = count - 1; i >= 0; --i) {
    const Key& key = keys[static_cast<size_t>(i)];
    const std::string data = std::to_string(i);
    steps.push_back({SetOperation{key, i, data}, Result::kSuccess, std::nullopt});
    if (i % 3 == 0) steps.push_back({GetOperation{key}, Result::kSuccess, Triple{1, i, data}});
    if (i % 5 == 0) steps.push_back({DelOperation{key}, Result::kSuccess, Triple{1, i, data}});
  }
  ExpectBatch(trial, steps);
  trial.SetFigures(fmt::format("{} operations", steps.size()));
}

void ReadsAlone(Trial& trial) {
  SoleClient client(trial, trial.caller());
  std::vector<Operation> reads;
  std::vector<Operation> sets;
  const size_t count = trial.limits().OperationsAtMost(100);
  for (size_t i = 0; i < count; ++i) {
    const Key key = trial.NewKey();
    const auto timestamp = static_cast<int64_t>(i);
    if (i % 2 == 0) sets.emplace_back(SetOperation{key, timestamp, std::to_string(i)});
    reads.emplace_back(GetOperation{key});
  }
  client.Batch(sets);
  client.Batch(reads);
  client.Batch(reads);
}

}  // namespace

std::vector<Claim> BatchClaims() {
  return {
      {"api", "R12.batch-in-order",
       "each operation of a batch sees the ones before; one that is refused undoes none",
       EachSeesTheOnesBefore},
      {"api", "R12.batch-replies", "the replies of a batch have the order of its operations",
       RepliesComeInOrder},
      {"api", "R12.batch-of-reads", "a batch of reads shows each entry", ReadsAlone},
  };
}

}  // namespace tripla::check
