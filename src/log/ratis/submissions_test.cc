// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/submissions.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace tripla {
namespace {

Submissions::Submission OfBytes(size_t bytes) { return {.bytes = bytes}; }

uint64_t Add(Submissions& submissions, size_t bytes, bool urgent = false) {
  Submissions::Submission submission = OfBytes(bytes);
  return submissions.Add(submission, urgent).value();
}

TEST(Submissions, EachIsTakenOnceAndNumbersNeverComeTwice) {
  Submissions submissions;
  const uint64_t first = Add(submissions, 1);
  EXPECT_TRUE(submissions.Take(first));
  EXPECT_FALSE(submissions.Take(first));
  EXPECT_GT(Add(submissions, 1), first);
}

TEST(Submissions, AFifthWaitsUntilOneIsTaken) {
  Submissions submissions;
  const uint64_t first = Add(submissions, 1);
  for (int i = 0; i < 3; ++i) Add(submissions, 1);
  std::atomic<bool> taken{false};
  std::thread fifth([&] {
    Add(submissions, 1);
    EXPECT_TRUE(taken);
  });
  Add(submissions, 1, /*urgent=*/true);  // which never waits; nor does it make room
  taken = true;
  EXPECT_TRUE(submissions.Take(first));
  EXPECT_TRUE(submissions.Take(first + 1));
  fifth.join();
}

TEST(Submissions, ALargeOneGoesAlone) {
  Submissions submissions;
  const uint64_t large = Add(submissions, size_t{17} << 20);
  std::atomic<bool> taken{false};
  std::thread next([&] {
    Add(submissions, 1);
    EXPECT_TRUE(taken);
  });
  taken = true;
  EXPECT_TRUE(submissions.Take(large));
  next.join();
}

TEST(Submissions, StoppingSendsAwayThoseWhoWaitAndLeavesTheRestToTake) {
  Submissions submissions;
  for (int i = 0; i < 4; ++i) Add(submissions, 1);
  std::thread waiting([&] {
    Submissions::Submission submission = OfBytes(9);
    EXPECT_FALSE(submissions.Add(submission, /*urgent=*/false));
    EXPECT_EQ(submission.bytes, 9u);  // it is still the caller's
  });
  submissions.Stop(/*deadline=*/{});
  waiting.join();
  EXPECT_EQ(submissions.TakeAll().size(), 4u);
}

}  // namespace
}  // namespace tripla
