// SPDX-License-Identifier: Apache-2.0
#include "check/patience.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

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

}  // namespace
}  // namespace tripla::check
