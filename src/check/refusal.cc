// SPDX-License-Identifier: Apache-2.0
#include "check/refusal.h"

#include <fmt/core.h>

#include <string>

#include "tripla/v1/rpc_status.pb.h"

namespace tripla::check {
namespace {

// What the detail of an error says, or what is wrong with it.
std::string DetailText(const grpc::Status& status) {
  v1::RpcStatus detailed;
  v1::Undecided undecided;
  if (status.error_details().empty()) return "no status detail";
  if (!detailed.ParseFromString(status.error_details())) return "a status detail nobody can read";
  if (detailed.code() != status.error_code()) {
    return fmt::format("a status detail with code {}", detailed.code());
  }
  for (const google::protobuf::Any& detail : detailed.details()) {
    if (!detail.UnpackTo(&undecided)) continue;
    const std::string name = v1::Undecided::Applied_Name(undecided.applied());
    return name.empty() ? "Undecided without a meaning" : "Undecided: applied = " + name;
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
  constexpr std::string_view kWanted = "Undecided: applied = NO";
  return trial.Check(DetailText(status) == kWanted, what, fmt::format("{}, {}", refusal, kWanted),
                     fmt::format("{}, {}", TextOf(status), DetailText(status)));
}

}  // namespace tripla::check
