// SPDX-License-Identifier: Apache-2.0
#include "check/claim.h"

#include <iterator>

#include "absl/strings/ascii.h"
#include "check/api_claims.h"
#include "check/cut_claims.h"
#include "check/history_claims.h"
#include "check/stress_claims.h"

namespace tripla::check {
namespace {

void Append(std::vector<Claim>& claims, std::vector<Claim> more) {
  claims.insert(claims.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
}

bool BeginsWith(const std::string& name, const std::string& beginning) {
  if (!name.starts_with(beginning)) return false;
  const bool inside_number = !beginning.empty() && absl::ascii_isdigit(beginning.back()) &&
                             name.size() > beginning.size() &&
                             absl::ascii_isdigit(name[beginning.size()]);
  return !inside_number;
}

}  // namespace

std::string RequirementOf(const std::string& name) { return name.substr(0, name.find('.')); }

std::vector<Claim> ClaimsOf(const Plan& plan) {
  std::vector<Claim> claims;
  const auto wanted = [&](const char* command) {
    return plan.command == "all" || plan.command == command;
  };
  if (wanted("api")) {
    for (const auto& part : {OperationClaims, VersionClaims, ValueClaims, BatchClaims, RaceClaims,
                             RefusalClaims, RequestIdClaims, LimitClaims, StatusClaims})
      Append(claims, part());
  }
  if (wanted("stress")) Append(claims, StressClaims());
  if (wanted("cut")) Append(claims, CutClaims());
  if (wanted("history")) Append(claims, HistoryClaims());
  std::erase_if(claims, [&](const Claim& claim) { return !BeginsWith(claim.name, plan.claim); });
  return claims;
}

}  // namespace tripla::check
