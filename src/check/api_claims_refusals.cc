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

// One malformed operation among good ones: the batch is not decided, so that nothing of it may have
// happened when the refusal says so.
void MalformedBatches(Trial& trial) {
  std::vector<std::pair<std::string, v1::Operation>> malformed = OperationsWithoutKey();
  malformed.emplace_back("an operation that is not set", v1::Operation());
  for (const auto& [name, request] : malformed) {
    SoleClient client(trial, trial.caller());
    const Key present = trial.NewKey();
    const Key absent = trial.NewKey();
    client.Expect(SetOperation{present, 1, "a"}, Result::kSuccess, std::nullopt);
    v1::BatchRequest batch;
    *batch.add_operations() = ToWire(SetOperation{absent, 2, "b"});
    *batch.add_operations() = request;
    *batch.add_operations() = ToWire(TestAndSetOperation{present, 2, "b", 1});
    ExpectRefused(trial, "a batch with " + name, trial.caller().SettleBatch(batch),
                  grpc::INVALID_ARGUMENT);
    client.Expect(GetOperation{absent}, Result::kError, std::nullopt);
    client.Expect(GetOperation{present}, Result::kSuccess, Triple{1, 1, "a"});
    if (trial.Over()) return;
  }
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
    SoleClient client(trial, trial.caller());
    const Key key = trial.NewKey();
    v1::Operation request = ToWire(SetOperation{key, 1, "a"});
    SetRequestId(request, id);
    ExpectRefused(trial, "a request id with " + name, trial.caller().Settle(request),
                  grpc::INVALID_ARGUMENT);
    client.Expect(GetOperation{key}, Result::kError, std::nullopt);
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
      {"api", "R13.malformed-id",
       "a request id without 16 bytes of client, or with sequence 0, is INVALID_ARGUMENT",
       MalformedIds},
  };
}

}  // namespace tripla::check
