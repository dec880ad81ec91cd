// SPDX-License-Identifier: Apache-2.0
//
// Every check finds the faults it is there for, and finds none where none are.
#include "tests/check/wrong_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "check/report.h"
#include "check/runner.h"
#include "tests/check/faults.h"

namespace tripla::check {
namespace {

Report RunAgainst(const WrongServer& server, const std::string& command, const std::string& claim) {
  Plan plan{.command = command,
            .endpoints = {server.endpoint()},
            .timeout = std::chrono::seconds(10),
            .seed = 1,
            .entries = 300,
            .clients = 4,
            .duration = std::chrono::milliseconds(500),
            .claim = claim};
  Run run(plan);
  EXPECT_TRUE(run.Reach().ok());
  std::vector<Claim> claims = ClaimsOf(command);
  std::erase_if(claims, [&](const Claim& one) { return !one.name.starts_with(claim); });
  Progress silent(false);
  return RunClaims(run, claims, silent);
}

TEST(RightServer, PassesEverythingAndIsLeftEmpty) {
  WrongServer server;
  const Report report = RunAgainst(server, "all", "");
  EXPECT_EQ(report.exit_code(), ExitCode::kAllHold) << TableText({}, report);
  EXPECT_EQ(server.keys(), 0u);
}

std::vector<Fault> AllFaults() {
  std::vector<Fault> all;
  for (const auto& part :
       {FaultsOfPlainOperations(), FaultsOfVersions(), FaultsOfValues(), FaultsOfRevisions(),
        FaultsOfRequestIds(), FaultsNowAndThen("history", "R11.linearizable"),
        FaultsNowAndThen("stress", "R21."), FaultsOfCuts(), FaultsThoughtOfLater()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

class WrongServers : public testing::TestWithParam<Fault> {};

TEST_P(WrongServers, AreFound) {
  const Fault& fault = GetParam();
  const WrongServer server(fault.behaviour, fault.elsewhere);
  const Report report = RunAgainst(server, fault.command, fault.claim);
  const std::string text = TableText({}, report);
  EXPECT_EQ(report.exit_code(), ExitCode::kClaimFailed) << text;
  const bool noticed = std::ranges::any_of(report.results, [&](const ClaimResult& result) {
    return result.verdict == Verdict::kFails && result.name.starts_with(fault.claim) &&
           !result.mismatches.empty();
  });
  EXPECT_TRUE(noticed) << text;
}

INSTANTIATE_TEST_SUITE_P(Faults, WrongServers, testing::ValuesIn(AllFaults()),
                         [](const testing::TestParamInfo<Fault>& info) {
                           return info.param.command + "_" + info.param.name;
                         });

}  // namespace
}  // namespace tripla::check
