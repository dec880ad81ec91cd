// SPDX-License-Identifier: Apache-2.0
#include "client/request_ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace tripla {
namespace {

constexpr uint64_t kMost = kOutstandingMax;

TEST(RequestIds, CallsThatFitShareOneClientName) {
  RequestIdPool pool;
  for (int i = 0; i < 3; ++i) {
    const RequestIds::Lease first = pool.Take(kMost / 2);
    const RequestIds::Lease second = pool.Take(kMost / 2);
    EXPECT_EQ(first.client(), second.client());
  }
  EXPECT_EQ(pool.clients(), 1u);
}

TEST(RequestIds, ACallThatDoesNotFitGetsAnotherClientName) {
  RequestIdPool pool;
  const RequestIds::Lease first = pool.Take(1);
  const RequestIds::Lease second = pool.Take(kMost);
  EXPECT_NE(first.client(), second.client());
  EXPECT_EQ(second.first(), 1u);
  const RequestIds::Lease third = pool.Take(kMost - 1);
  EXPECT_EQ(first.client(), third.client());
}

// S11: the database forgets the lowest answers of a client that has more than it remembers.
TEST(RequestIds, NoClientNameHasMoreOutstandingThanTheDatabaseRemembers) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 chance(seed);
    RequestIdPool pool;
    std::vector<std::unique_ptr<RequestIds::Lease>> alive;
    std::map<std::string, uint64_t> last;
    for (int step = 0; step < 2000; ++step) {
      const bool end = !alive.empty() && chance() % 2 == 0;
      if (end || alive.size() == 8) {
        const size_t which = chance() % alive.size();
        if (chance() % 4 == 0) alive[which]->Keep();
        alive.erase(alive.begin() + static_cast<ptrdiff_t>(which));
        continue;
      }
      const uint64_t count = chance() % 3 == 0 ? kMost : 1 + chance() % 100;
      alive.emplace_back(new RequestIds::Lease(pool.Take(count)));
      const RequestIds::Lease& lease = *alive.back();
      EXPECT_GT(lease.first(), last[lease.client()]) << "seed " << seed;
      last[lease.client()] = lease.first() + count - 1;
      EXPECT_LE(lease.first() + count - lease.first_unanswered(), kMost) << "seed " << seed;
      for (const auto& other : alive) {
        if (other->client() != lease.client()) continue;
        EXPECT_LE(lease.first_unanswered(), other->first()) << "seed " << seed;
      }
    }
    EXPECT_LE(pool.clients(), 9u) << "as many as calls at once, and one; seed " << seed;
  }
}

TEST(RequestIds, WhatIsKeptStaysUnansweredUntilItIsReleased) {
  RequestIdPool pool;
  std::string client;
  {
    RequestIds::Lease in_doubt = pool.Take(3);
    in_doubt.Keep();
    client = in_doubt.client();
  }
  EXPECT_EQ(pool.Take(1).first_unanswered(), 1u);
  pool.Release(client, 1);
  EXPECT_EQ(pool.Take(1).first_unanswered(), 5u);
}

TEST(RequestIds, WhatIsKeptGivesWayToNewCalls) {
  RequestIdPool pool;
  pool.Take(1).Keep();
  EXPECT_EQ(pool.Take(kMost - 1).first_unanswered(), 1u);
  EXPECT_EQ(pool.Take(1).first_unanswered(), kMost + 1);
  EXPECT_EQ(pool.clients(), 1u);
}

}  // namespace
}  // namespace tripla
