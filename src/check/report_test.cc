// SPDX-License-Identifier: Apache-2.0
#include "check/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_split.h"
#include "check/cut_attempt.h"
#include "check/options.h"
#include "check/progress.h"

namespace tripla::check {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// A field that is added must be named here, and so is not forgotten.
TEST(RepeatCommand, SaysEveryFieldOfThePlan) {
  const Plan plan{.command = "api",
                  .endpoints = {"a:1", "b:2"},
                  .timeout = milliseconds(1234),
                  .seed = 18'446'744'073'709'551'615u,
                  .entries = 77,
                  .clients = 5,
                  .keys = 9,
                  .duration = milliseconds(4321),
                  .claim = "R6.del-absent"};
  const auto& [command, endpoints, timeout, seed, entries, clients, keys, duration, claim] = plan;
  const Plan usual;
  EXPECT_TRUE(command != usual.command && endpoints != usual.endpoints &&
              timeout != usual.timeout && seed != usual.seed && entries != usual.entries &&
              clients != usual.clients && keys != usual.keys && duration != usual.duration &&
              claim != usual.claim);
  for (const ClaimResult& result : {ClaimResult{.group = "api", .name = "R6.del-absent"},
                                    ClaimResult{.group = "run", .name = "R21.leaves-nothing"}}) {
    std::vector<std::string> words = absl::StrSplit(RepeatCommand(plan, result), ' ');
    ASSERT_EQ(words[0], "tripla-check");
    words.erase(words.begin());
    const std::variant<Options, ExitCode> options = ParseOptions(words);
    ASSERT_TRUE(std::holds_alternative<Options>(options));
    EXPECT_EQ(std::get<Options>(options).plan, plan) << RepeatCommand(plan, result);
  }
}

std::vector<std::string> NamesWith(const std::string& beginning) {
  std::vector<std::string> names;
  for (const Claim& claim : ClaimsOf({.command = "api", .claim = beginning})) {
    names.push_back(claim.name);
  }
  return names;
}

TEST(ClaimNames, ABeginningDoesNotEndInsideANumber) {
  EXPECT_THAT(NamesWith("R1"), testing::ElementsAre("R1.any-size", "R1.one-bit"));
  EXPECT_THAT(NamesWith("R8"), AllOf(testing::Contains("R8.test-and-set-equal"),
                                     testing::Contains("R8a.value-version-ignored")));
  EXPECT_THAT(NamesWith("R8b"), testing::ElementsAre("R8b.equality-only"));
  EXPECT_THAT(NamesWith("R4.set-p"), testing::SizeIs(2));
  EXPECT_THAT(NamesWith(""), testing::SizeIs(ClaimsOf({.command = "api"}).size()));
}

TEST(Report, WhatWasNotTriedDoesNotCountAsHolding) {
  const Report report{.results = {{.group = "api", .name = "R4.set-absent"},
                                  {.group = "api",
                                   .name = "R14.data-too-large",
                                   .verdict = Verdict::kNotTried,
                                   .because = "no limit"}}};
  EXPECT_EQ(SummaryText(report), "1 of 2 claims hold, 1 not tried");
  EXPECT_THAT(TableText({}, report), HasSubstr("-  api"));
  EXPECT_THAT(TableText({}, report), HasSubstr("not tried: no limit\n"));
  EXPECT_THAT(JsonText({}, report), AllOf(HasSubstr("\"verdict\": \"not tried\""),
                                          HasSubstr("\"because\": \"no limit\"")));
  EXPECT_THAT(JunitText({}, report),
              AllOf(HasSubstr("<skipped message=\"no limit\"/>"), HasSubstr("skipped=\"1\"")));
}

TEST(CutTally, CutsThatWereToldTheSameAreOneRun) {
  CutTally tally;
  for (const uint64_t byte : {2, 0, 1}) tally.Add(byte, CutTold::kNotApplied);
  tally.Add(3, CutTold::kUnknown);
  for (const uint64_t byte : {4, 5}) tally.Add(byte, CutTold::kDecided);
  EXPECT_EQ(TextOf(tally.Runs()), "0-2 not applied, 3 unknown, 4-5 decided");
  EXPECT_EQ(tally.ToText(), "6 cuts: 3 not applied, 1 unknown, 2 decided");
  const Report report{.results = {{.group = "cut", .name = "R21.a", .cuts = tally.Runs()}}};
  EXPECT_THAT(JsonText({}, report), HasSubstr("\"told\": \"unknown\""));
}

TEST(Report, S20_LongFiguresStandBelowTheTable) {
  const std::string figures =
      "0-200 not applied, 201-300 unknown, 301-4000 not applied, 4001 decided";
  const std::string text = TableText(
      {}, {.results = {{.group = "cut", .name = "R21.a", .text = "a claim", .figures = figures},
                       {.group = "cut", .name = "R21.b"}}});
  const size_t table_ends = text.find("R21.b");
  EXPECT_GT(text.find(figures), table_ends) << text;
  EXPECT_THAT(text, HasSubstr("below\n"));
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    EXPECT_LE(line.size(), 100u) << line;
  }
}

TEST(Progress, MovesWithinAClaim) {
  Progress progress(false);
  EXPECT_EQ(progress.ToText(), "");
  progress.Begin({.group = "stress", .name = "R21.entries"}, 1, 4);
  EXPECT_THAT(progress.ToText(), StartsWith("[######..................] 1/4  stress R21.entries"));
  progress.Advance(0.5);
  EXPECT_THAT(progress.ToText(), StartsWith("[#########...............] 1/4  stress R21.entries"));
  progress.Advance(0.2);  // by a client that is behind
  EXPECT_THAT(progress.ToText(), StartsWith("[#########...............]"));
  progress.End();
  EXPECT_EQ(progress.ToText(), "");
}

}  // namespace
}  // namespace tripla::check
