// SPDX-License-Identifier: Apache-2.0
//
// Every check finds the faults it is there for, and finds none where none are.
#include "tests/check/wrong_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "check/report.h"
#include "check/runner.h"
#include "client/fake_server.h"
#include "tests/check/fault_forms.h"
#include "tests/check/faults.h"

namespace tripla::check {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;

// For servers that let each call wait as long. Enough for one that answers on a busy machine.
constexpr milliseconds kShort{500};

// One claim by its name, or all whose names begin so.
Report RunPlan(const WrongServer& server, Plan plan) {
  plan.endpoints = {server.endpoint()};
  plan.seed = 1;
  plan.entries = 300;
  plan.duration = milliseconds(500);
  Run run(plan);
  EXPECT_TRUE(run.Reach().ok());
  std::vector<Claim> claims = ClaimsOf(plan);
  const auto is_claim = [&](const Claim& one) { return one.name == plan.claim; };
  if (std::ranges::any_of(claims, is_claim)) std::erase_if(claims, std::not_fn(is_claim));
  Progress silent(false);
  return RunClaims(run, claims, silent);
}

Report RunAgainst(const WrongServer& server, const std::string& command, const std::string& claim,
                  milliseconds timeout = milliseconds(10'000)) {
  return RunPlan(server, {.command = command, .timeout = timeout, .clients = 4, .claim = claim});
}

ClaimResult ResultOf(const Report& report, const std::string& name) {
  const auto found = std::ranges::find(report.results, name, &ClaimResult::name);
  EXPECT_NE(found, report.results.end()) << name;
  return found == report.results.end() ? ClaimResult() : *found;
}

TEST(RightServer, PassesEverythingAndIsLeftEmpty) {
  WrongServer server;
  const Report report = RunAgainst(server, "all", "");
  EXPECT_EQ(report.exit_code(), ExitCode::kAllHold) << TableText({}, report);
  EXPECT_THAT(report.results, Each(Field(&ClaimResult::verdict, Verdict::kHolds)))
      << TableText({}, report);
  EXPECT_EQ(report.keys_left, 0u);
  EXPECT_EQ(server.keys(), 0u);
}

TEST(RightServer, FiguresCountTheCallsOfAllCallers) {
  const WrongServer server;
  const Report report = RunAgainst(server, "api", "R11.one-set-wins");
  EXPECT_EQ(report.results[0].figures, "300 calls");
}

TEST(RightServer, OfEveryCutItIsSaidWhatTheClientWasTold) {
  const WrongServer server;
  const Report report = RunAgainst(server, "cut", "R21.silence-reply");
  const std::vector<CutRun>& cuts = report.results[0].cuts;
  ASSERT_GE(cuts.size(), 3u) << TableText({}, report);
  EXPECT_EQ(cuts[0].from, 0u);
  for (size_t i = 1; i < cuts.size(); ++i) EXPECT_EQ(cuts[i].from, cuts[i - 1].to + 1);
  EXPECT_THAT(cuts, AllOf(Contains(Field(&CutRun::told, "not applied")),
                          Contains(Field(&CutRun::told, "unknown")),
                          Contains(Field(&CutRun::told, "decided"))));
  EXPECT_THAT(report.results[0].figures, HasSubstr("0-"));
}

TEST(RightServer, NeedNotAdvertiseItsLimitsWhereWeDo) {
  const auto forget = [](v1::StatusReply& reply) {
    reply.clear_key_bytes_max();
    reply.clear_data_bytes_max();
    reply.clear_batch_operations_max();
    reply.clear_batch_bytes_max();
  };
  const WrongServer server(nullptr, {.status = forget});
  const Report report = RunAgainst(server, "api", "R14");
  EXPECT_EQ(report.exit_code(), ExitCode::kAllHold) << TableText({}, report);
  for (const char* name : {"R14.advertised", "R14.largest-data", "R14.data-too-large",
                           "R14.longest-batch", "R14.batch-too-large"}) {
    EXPECT_EQ(ResultOf(report, name).verdict, Verdict::kNotTried) << name;
  }
  EXPECT_EQ(ResultOf(report, "R14.key-too-long").verdict, Verdict::kHolds);
  EXPECT_THAT(SummaryText(report),
              AllOf(HasSubstr("4 of 9 claims hold"), HasSubstr("5 not tried")));
}

// As a leader that steps down while its followers are busy with so much data.
TEST(RightServer, MayNotKnowWhetherALargeWriteWasApplied) {
  constexpr size_t kLarge = size_t{1} << 20;
  int sent = 0;
  const WrongServer server(
      [&](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
        const grpc::Status status = right(request, reply);
        if (request.ByteSizeLong() < kLarge || ++sent % 2 == 0) return status;
        return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::UNKNOWN);
      });
  const Report report = RunAgainst(server, "api", "R14.largest-data");
  EXPECT_EQ(report.exit_code(), ExitCode::kAllHold) << TableText({}, report);
  EXPECT_EQ(sent, 4);  // set and testAndSet, each twice
}

TEST(RightServer, WithShortBatchesPassesAll) {
  const auto shorten = [](v1::StatusReply& reply) { reply.set_batch_operations_max(20); };
  const auto refuse = [](v1::BatchRequest& request) {
    if (request.operations_size() > 20) request.clear_operations();
  };
  WrongServer server(nullptr, {.asked = refuse, .status = shorten});
  for (const char* claim : {"R1", "R12"}) {
    const Report report = RunAgainst(server, "api", claim);
    EXPECT_EQ(report.exit_code(), ExitCode::kAllHold) << TableText({}, report);
  }
  EXPECT_EQ(server.keys(), 0u);
}

TEST(WrongServers, WhatOneLeavesUndecidedFailsAndTheOtherClaimsAreTried) {
  const std::vector<Fault> faults = FaultsOfForms();
  const auto fault = std::ranges::find(faults, "AnAbsentKeyIsUnavailable", &Fault::name);
  const WrongServer server(fault->behaviour);
  const Report report = RunAgainst(server, "api", "R5", fault->timeout);
  EXPECT_EQ(ResultOf(report, "R5.get-absent").verdict, Verdict::kFails);
  EXPECT_EQ(ResultOf(report, "R5.get-present").verdict, Verdict::kHolds);
  EXPECT_EQ(report.ended_early, "");
}

// R10.empty-key asks every operation: each would be waited for as long as the first.
TEST(WrongServers, AClaimThatIsLeftUndecidedAsksNothingMore) {
  std::set<v1::Operation::OperationCase> asked;
  const WrongServer server(
      [&asked](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
        if (!KeyBytesOf(request).empty()) return right(request, reply);
        asked.insert(request.operation_case());
        return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
      });
  const Report report = RunAgainst(server, "api", "R10.empty-key", kShort);
  EXPECT_EQ(report.exit_code(), ExitCode::kClaimFailed) << TableText({}, report);
  EXPECT_THAT(asked, testing::ElementsAre(v1::Operation::kGet));
}

TEST(WrongServers, OneThatDecidesNothingIsNotWaitedForAtEveryClaim) {
  const WrongServer server([](const v1::Operation&, v1::Reply&, const WrongServer::Right&) {
    return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
  });
  const Report report = RunAgainst(server, "api", "", kShort);
  EXPECT_EQ(report.exit_code(), ExitCode::kClaimFailed);
  EXPECT_THAT(report.ended_early, HasSubstr("10 claims in a row"));
  EXPECT_EQ(report.results.size(), ClaimsOf({.command = "api"}).size() + 1);
  EXPECT_THAT(report.results, Contains(Field(&ClaimResult::verdict, Verdict::kNotTried)));
}

// Of about 960 on each key.
TEST(WrongServers, AViolationAmongManyClientsIsShownInFewCalls) {
  for (const Fault& fault : FaultsNowAndThen("history", "R11.linearizable")) {
    // The write that a read does not show yet overlaps with it, where so many are at work.
    if (fault.name == "StaleReads") continue;
    const WrongServer server(fault.behaviour);
    Report report;
    for (int i = 0; i < fault.runs_at_most; ++i) {
      report = RunPlan(
          server, {.command = "history", .clients = 24, .keys = 2, .claim = "R11.linearizable"});
      if (report.results[0].verdict == Verdict::kFails) break;
    }
    const ClaimResult& result = report.results[0];
    ASSERT_EQ(result.verdict, Verdict::kFails) << fault.name;
    EXPECT_LE(std::ranges::count(result.mismatches[0].got, '\n'), 300) << result.mismatches[0].got;
  }
}

TEST(WrongServers, KeysThatMayBeLeftAreAlwaysCounted) {
  WrongServer server(
      [](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
        if (!request.has_del()) return right(request, reply);
        return Refused(grpc::StatusCode::UNAVAILABLE, v1::Undecided::NO);
      });
  const Report report = RunAgainst(server, "api", "R4.set-absent", kShort);
  EXPECT_EQ(report.keys_left, 3u);
  EXPECT_EQ(server.keys(), 3u);
  EXPECT_EQ(ResultOf(report, "R4.set-absent").verdict, Verdict::kHolds);
  EXPECT_EQ(ResultOf(report, "R21.leaves-nothing").verdict, Verdict::kFails);
  EXPECT_THAT(TableText({}, report), HasSubstr("3 keys left of 0x"));
  EXPECT_THAT(JsonText({}, report),
              AllOf(HasSubstr("\"keys_left\": 3"), HasSubstr("\"key_range\": \"0x")));
  EXPECT_THAT(JunitText({}, report), AllOf(HasSubstr("name=\"keys_left\" value=\"3\""),
                                           HasSubstr("name=\"key_range\" value=\"0x")));
}

TEST(WrongServers, AKeyThatIsLeftInSpiteOfItsDelIsFound) {
  const WrongServer server(
      [](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
        if (!request.has_del()) return right(request, reply);
        v1::Operation get;
        get.mutable_get()->set_key(request.del().key());
        return right(get, reply);
      });
  const Report report = RunAgainst(server, "api", "R4.set-absent");
  EXPECT_EQ(ResultOf(report, "R21.leaves-nothing").verdict, Verdict::kFails);
}

std::vector<Fault> AllFaults() {
  std::vector<Fault> all;
  for (const auto& part :
       {FaultsOfPlainOperations(), FaultsOfVersions(), FaultsOfTestAndSet(), FaultsOfValues(),
        FaultsOfForms(), FaultsOfLeftOutData(), FaultsOfRevisions(), FaultsOfRequestIds(),
        FaultsNowAndThen("history", "R11.linearizable"), FaultsNowAndThen("stress", "R21.entries"),
        FaultsNowAndThen("stress", "R21.random-mix"), FaultsOfCuts(), FaultsOfRaces(),
        FaultsOfBatches(), FaultsOfLimits(), FaultsOfAdmin(), FaultsThoughtOfLater()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  // One that comes often enough for the fewer calls between the cuts.
  all.push_back(FaultsNowAndThen("history", "R11.linearizable-when-cut").front());
  return all;
}

class WrongServers : public testing::TestWithParam<Fault> {};

TEST_P(WrongServers, AreFound) {
  const Fault& fault = GetParam();
  const WrongServer server(fault.behaviour, fault.elsewhere);
  Report report;
  bool noticed = false;
  for (int i = 0; i < fault.runs_at_most && !noticed; ++i) {
    report = RunAgainst(server, fault.command, fault.claim, fault.timeout);
    noticed = std::ranges::any_of(report.results, [&](const ClaimResult& result) {
      return result.verdict == Verdict::kFails && result.name.starts_with(fault.claim) &&
             !result.mismatches.empty();
    });
  }
  const std::string text = TableText({}, report);
  EXPECT_EQ(report.exit_code(), ExitCode::kClaimFailed) << text;
  EXPECT_TRUE(noticed) << text;
}

INSTANTIATE_TEST_SUITE_P(Faults, WrongServers, testing::ValuesIn(AllFaults()),
                         [](const testing::TestParamInfo<Fault>& info) {
                           std::string name = info.param.name + "_" + info.param.claim;
                           std::ranges::replace_if(
                               name, [](char c) { return !absl::ascii_isalnum(c); }, '_');
                           return name;
                         });

// A claim that no fault turns red may hold of anything.
TEST(Claims, EachHasAServerThatItFinds) {
  std::set<std::string> found;
  for (const Fault& fault : AllFaults()) found.insert(fault.claim);
  for (const Claim& claim : ClaimsOf({.command = "all"})) {
    EXPECT_TRUE(found.contains(claim.name)) << claim.name;
  }
}

}  // namespace
}  // namespace tripla::check
