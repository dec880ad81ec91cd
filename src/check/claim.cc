// SPDX-License-Identifier: Apache-2.0
#include "check/claim.h"

#include <iterator>

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

}  // namespace

std::string RequirementOf(const std::string& name) { return name.substr(0, name.find('.')); }

std::vector<Claim> ClaimsOf(const std::string& command) {
  std::vector<Claim> claims;
  const bool all = command == "all";
  if (all || command == "api") {
    for (const auto& part : {OperationClaims, VersionClaims, ValueClaims, BatchClaims, RaceClaims,
                             RefusalClaims, RequestIdClaims, LimitClaims, StatusClaims})
      Append(claims, part());
  }
  if (all || command == "stress") Append(claims, StressClaims());
  if (all || command == "cut") Append(claims, CutClaims());
  if (all || command == "history") Append(claims, HistoryClaims());
  return claims;
}

}  // namespace tripla::check
