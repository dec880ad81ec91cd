// SPDX-License-Identifier: Apache-2.0
#include "client/backoff.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(Backoff, DoublesUpToItsMostWithHalfByChance) {
  for (uint64_t seed = 1; seed < 100; ++seed) {
    Backoff backoff(milliseconds(20), milliseconds(100), seed);
    for (const int whole_ms : {20, 40, 80, 100, 100, 100}) {
      const microseconds wait = backoff.Next();
      EXPECT_GE(wait, milliseconds(whole_ms) / 2) << "seed " << seed;
      EXPECT_LE(wait, milliseconds(whole_ms)) << "seed " << seed;
    }
  }
}

TEST(Backoff, SpreadsClientsApart) {
  Backoff one(milliseconds(20), milliseconds(100), 1);
  Backoff other(milliseconds(20), milliseconds(100), 2);
  EXPECT_NE(one.Next(), other.Next());
}

}  // namespace
}  // namespace tripla
