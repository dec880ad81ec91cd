// SPDX-License-Identifier: Apache-2.0
//
// Malformed requests: refused with their error, surely not applied, and nothing has changed (R10,
// R12).
#include <string>
#include <utility>

#include "check/api_claims.h"
#include "check/refusal.h"
#include "check/sole_client.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

std::vector<std::pair<std::string, v1::Operation>> OperationsWithoutKey() {
  std::vector<std::pair<std::string, v1::Operation>> requests(5);
  requests[0].first = "get";
  requests[0].second.mutable_get();
  requests[1].first = "set";
  requests[1].second.mutable_set()->set_data("a");
  requests[2].first = "del";
  requests[2].second.mutable_del();
  requests[3].first = "del with a version";
  requests[3].second.mutable_del_version()->set_version(1);
  requests[4].first = "testAndSet";
  requests[4].second.mutable_test_and_set()->set_version(1);
  return requests;
}

void EmptyKeys(Trial& trial) {
  for (const auto& [name, request] : OperationsWithoutKey()) {
    ExpectRefused(trial, name + " of an empty key", trial.caller().Settle(request),
                  grpc::INVALID_ARGUMENT, EffectOf(request));
  }
}

void MalformedBatches(Trial& trial) {
  std::vector<std::pair<std::string, v1::Operation>> malformed = OperationsWithoutKey();
  malformed.emplace_back("an operation that is not set", v1::Operation());
  for (const auto& [name, request] : malformed) {
    ExpectBatchRefused(trial, name, request, grpc::INVALID_ARGUMENT);
    if (trial.Over()) return;
  }
}

// A value that is missing is not an empty one: taken for that it would erase what is stored.
void TestAndSetWithoutValue(Trial& trial) {
  SoleClient client(trial, trial.caller());
  const Key key = trial.NewKey();
  client.Expect(SetOperation{key, 1, "a"}, Result::kSuccess, std::nullopt);
  v1::Operation request = ToWire(TestAndSetOperation{key, 0, "", 1});
  request.mutable_test_and_set()->clear_value();
  ExpectRefusedInEveryWay(trial, "testAndSet without a value", request, grpc::INVALID_ARGUMENT);
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{1, 1, "a"});
  client.Expect(TestAndSetOperation{key, 0, "", 1}, Result::kSuccess, Triple{1, 1, "a"});
  client.Expect(GetOperation{key}, Result::kSuccess, Triple{2, 0, ""});
}

void UnknownConsistency(Trial& trial) {
  v1::Operation request = ToWire(GetOperation{trial.NewKey()});
  request.mutable_get()->set_consistency(static_cast<v1::Consistency>(7));
  ExpectRefusedInEveryWay(trial, "get with consistency 7", request, grpc::INVALID_ARGUMENT);
}

void EmptyBatch(Trial& trial) {
  ExpectRefused(trial, "a batch without operations", trial.caller().SettleBatch({}),
                grpc::INVALID_ARGUMENT, Effect::kReads);
}

void MalformedIds(Trial& trial) {
  const std::string client_name = trial.caller().ids().client();
  const std::vector<std::pair<std::string, v1::RequestId>> malformed = {
      {"a client of 15 bytes", MakeId(client_name.substr(1), 1, 1)},
      {"a client of 17 bytes", MakeId(client_name + "x", 1, 1)},
      {"no client", MakeId("", 1, 1)},
      {"sequence 0", MakeId(std::string(16, 'x'), 0, 0)},
  };
  for (const auto& [name, id] : malformed) {
    const Key key = trial.NewKey();
    for (const Operation& operation :
         std::vector<Operation>{SetOperation{key, 1, "a"}, DelOperation{key},
                                DelVersionOperation{key, 1}, TestAndSetOperation{key, 1, "a", 1}}) {
      v1::Operation request = ToWire(operation);
      SetRequestId(request, id);
      ExpectRefusedInEveryWay(trial, TextOf(operation) + " under a request id with " + name,
                              request, grpc::INVALID_ARGUMENT);
    }
    SoleClient client(trial, trial.caller());
    client.Expect(GetOperation{key}, Result::kError, std::nullopt);
    if (trial.Over()) return;
  }
}

}  // namespace

std::vector<Claim> RefusalClaims() {
  return {
      {"api", "R10.empty-key",
       "an empty key is INVALID_ARGUMENT in every operation; a write says that it did nothing",
       EmptyKeys},
      {"api", "R12.malformed-batch",
       "a batch with a malformed operation is INVALID_ARGUMENT, and nothing of it happened",
       MalformedBatches},
      {"api", "R12.value-required",
       "testAndSet without a value is INVALID_ARGUMENT and changes nothing",
       TestAndSetWithoutValue},
      {"api", "R12.unknown-consistency",
       "a consistency that the contract does not name is INVALID_ARGUMENT", UnknownConsistency},
      {"api", "R12.empty-batch", "a batch without operations is INVALID_ARGUMENT", EmptyBatch},
      {"api", "R13.malformed-id",
       "a request id without 16 bytes of client, or with sequence 0, is INVALID_ARGUMENT",
       MalformedIds},
  };
}

}  // namespace tripla::check
