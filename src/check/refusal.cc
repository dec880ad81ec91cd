// SPDX-License-Identifier: Apache-2.0
#include "check/refusal.h"

#include <fmt/core.h>

#include <string>

#include "check/sole_client.h"
#include "client/wire.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla::check {
namespace {

// What the detail of an error says, or what is wrong with it.
std::string DetailText(const grpc::Status& status) {
  v1::RpcStatus detailed;
  v1::Undecided undecided;
  if (status.error_details().empty()) return "no status detail";
  if (!detailed.ParseFromString(status.error_details()))
    return "a status detail that cannot be parsed";
  if (detailed.code() != status.error_code()) {
    return fmt::format("a status detail with code {}", detailed.code());
  }
  for (const google::protobuf::Any& detail : detailed.details()) {
    if (!detail.UnpackTo(&undecided)) continue;
    const std::string name = v1::Undecided::Applied_Name(undecided.applied());
    if (name.empty()) return "Undecided without a meaning";
    if (undecided.reason() == v1::Undecided::REASON_UNSPECIFIED) {
      return "Undecided: applied = " + name;
    }
    return fmt::format("Undecided: applied = {}, reason = {}", name,
                       v1::Undecided::Reason_Name(undecided.reason()));
  }
  return "a status detail without Undecided";
}

}  // namespace

bool ExpectRefused(Trial& trial, std::string_view what, const grpc::Status& status,
                   const AttemptFailure& error, grpc::StatusCode code, Effect effect) {
  const std::string refusal = TextOf(grpc::Status(code, ""));
  if (status.ok()) {
    trial.Fail(what, refusal, "a decision");
    return false;
  }
  if (status.error_code() != code) {
    trial.NotDecided(what, refusal, status, error);
    return false;
  }
  if (effect == Effect::kReads) return true;
  // Nothing else that a request can be refused for has several meanings (Undecided.Reason).
  const std::string wanted = code == grpc::RESOURCE_EXHAUSTED
                                 ? "Undecided: applied = NO, reason = TOO_LARGE"
                                 : "Undecided: applied = NO";
  return trial.Check(DetailText(status) == wanted, what, fmt::format("{}, {}", refusal, wanted),
                     fmt::format("{}, {}", TextOf(status), DetailText(status)));
}

void ExpectBatchRefused(Trial& trial, std::string_view what, const v1::Operation& malformed,
                        grpc::StatusCode code) {
  SoleClient client(trial, trial.caller());
  const Key present = trial.NewKey();
  const Key absent = trial.NewKey();
  client.Expect(SetOperation{present, 1, "a"}, Result::kSuccess, std::nullopt);
  v1::BatchRequest batch;
  *batch.add_operations() = ToWire(SetOperation{absent, 2, "b"});
  *batch.add_operations() = malformed;
  *batch.add_operations() = ToWire(TestAndSetOperation{present, 2, "b", 1});
  ExpectRefused(trial, fmt::format("a batch with {}", what), trial.caller().SettleBatch(batch),
                code);
  client.Expect(GetOperation{absent}, Result::kError, std::nullopt);
  client.Expect(GetOperation{present}, Result::kSuccess, Triple{1, 1, "a"});
}

void ExpectRefusedInEveryWay(Trial& trial, std::string_view what, const v1::Operation& malformed,
                             grpc::StatusCode code) {
  ExpectRefused(trial, what, trial.caller().Settle(malformed), code, EffectOf(malformed));
  if (EffectOf(malformed) == Effect::kWrites && RequestIdOf(malformed) == nullptr) {
    const RequestIds::Lease lease(trial.caller().ids(), 1);
    v1::Operation with_id = malformed;
    SetRequestId(with_id,
                 MakeId(trial.caller().ids().client(), lease.first(), lease.first_unanswered()));
    ExpectRefused(trial, fmt::format("{}, with a request id", what), trial.caller().Settle(with_id),
                  code);
  }
  ExpectBatchRefused(trial, what, malformed, code);
}

}  // namespace tripla::check
