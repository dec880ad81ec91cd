// SPDX-License-Identifier: Apache-2.0
#include "check/patience.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "check/cut_claims.h"
#include "check/trial.h"
#include "tests/check/wrong_server.h"

namespace tripla::check {
namespace {

using std::chrono::milliseconds;

milliseconds PatienceFor(milliseconds call, milliseconds least) {
  const WrongServer server(
      [call](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
        std::this_thread::sleep_for(call);  // what is awaited is that a client notices it
        return right(request, reply);
      });
  Run run({.endpoints = {server.endpoint()}});
  const Claim claim;
  Progress silent(false);
  Trial trial(run, claim, silent);
  return PatienceWith(trial, least);
}

TEST(Patience, IsLongerWithASlowServer) {
  EXPECT_GE(PatienceFor(milliseconds(60), milliseconds(200)), milliseconds(240));
}

TEST(Patience, HasALeast) {
  EXPECT_GE(PatienceFor(milliseconds(0), milliseconds(5000)), milliseconds(5000));
}

// It was taken for a server that is too slow to tell anything of.
TEST(Patience, GrowsWithAServerThatBecomesSlower) {
  std::string newest;             // the key that was set last: of the write that is not cut
  std::set<std::string> not_cut;  // one to count the bytes of a call, then one an attempt
  const WrongServer server(
      [&](const v1::Operation& request, v1::Reply& reply, const WrongServer::Right& right) {
        if (request.has_set()) newest = request.set().key();
        if (request.has_test_and_set() && request.test_and_set().key() == newest) {
          not_cut.insert(newest);
          // Longer than the patience of the first attempt.
          if (not_cut.size() == 2) std::this_thread::sleep_for(milliseconds(1000));
        }
        return right(request, reply);
      });
  check::Run run({.endpoints = {server.endpoint()}});
  const std::vector<Claim> claims = CutClaims();
  const auto claim = std::ranges::find(claims, "R21.half-open-reply", &Claim::name);
  ASSERT_NE(claim, claims.end());
  Progress silent(false);
  Trial trial(run, *claim, silent);
  claim->prove(trial);
  EXPECT_EQ(trial.Result().verdict, Verdict::kHolds) << trial.Result().because;
  EXPECT_EQ(not_cut.size(), 3u);
}

}  // namespace
}  // namespace tripla::check
