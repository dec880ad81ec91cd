// SPDX-License-Identifier: Apache-2.0
#include "client/next_step.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

namespace tripla {
namespace {

using std::chrono::milliseconds;
using Applied = Failure::Applied;

struct Row {
  const char* name;
  // The state:
  size_t servers;
  int left_ms;
  int backoff_ms;
  // The failed attempt:
  bool worth_retrying;
  bool worth_asking_another;
  std::optional<int> retry_after_ms;
  Applied applied;
  // What follows:
  bool again;
  bool elsewhere;
  int wait_ms;
};

const std::vector<Row>& Rows() {
  static const std::vector<Row> rows = {
      {"a call at fault ends", 1, 900, 20, false, false, {}, Applied::kNo, false, false, 0},
      {"and is not taken elsewhere", 3, 900, 20, false, false, {}, Applied::kNo, false, false, 0},
      {"one server gone: again", 1, 900, 20, true, true, {}, Applied::kUnknown, true, false, 20},
      {"of several: elsewhere", 3, 900, 20, true, true, {}, Applied::kUnknown, true, true, 20},
      {"one server silent: the end",
       1,
       900,
       20,
       false,
       true,
       {},
       Applied::kUnknown,
       false,
       false,
       0},
      {"of several: elsewhere", 2, 900, 20, false, true, {}, Applied::kUnknown, true, true, 20},
      {"overloaded: again after its advice", 3, 900, 20, true, false, 150, Applied::kNo, true,
       false, 150},
      {"or after the longer wait of ours", 1, 900, 300, true, false, 150, Applied::kNo, true, false,
       300},
      {"no time for the wait", 1, 20, 20, true, true, {}, Applied::kNo, false, false, 20},
      {"no time for the advice", 1, 900, 20, true, false, 900, Applied::kNo, false, false, 900},
      {"no time, but others ask elsewhere",
       2,
       10,
       20,
       true,
       true,
       {},
       Applied::kNo,
       false,
       true,
       20},
      {"what was applied ends", 1, 900, 20, true, true, {}, Applied::kYes, false, false, 0},
      {"though others could be asked", 3, 900, 20, true, true, {}, Applied::kYes, false, true, 0},
  };
  return rows;
}

TEST(NextStep, FollowsFromTheStateAndTheFailureAlone) {
  for (const Row& row : Rows()) {
    AttemptFailure failed;
    failed.worth_retrying = row.worth_retrying;
    failed.worth_asking_another = row.worth_asking_another;
    failed.failure.applied = row.applied;
    if (row.retry_after_ms) failed.failure.retry_after = milliseconds(*row.retry_after_ms);
    const Step step =
        NextStep({row.servers, milliseconds(row.left_ms), milliseconds(row.backoff_ms)}, failed);
    EXPECT_EQ(step.again, row.again) << row.name;
    EXPECT_EQ(step.elsewhere, row.elsewhere) << row.name;
    EXPECT_EQ(step.wait, milliseconds(row.wait_ms)) << row.name;
  }
}

// The outcome was unknown when an attempt began just before the deadline.
TEST(NextStep, C7_AServerThatRefusesIsNotAskedAgainInTheLastMoment) {
  AttemptFailure failed;
  failed.worth_retrying = true;
  failed.failure.applied = Applied::kNo;
  failed.failure.retry_after = milliseconds(100);
  EXPECT_TRUE(NextStep({1, milliseconds(120), milliseconds(20)}, failed).again);
  for (const auto reason : {Failure::Reason::kReadOnly, Failure::Reason::kOverloaded}) {
    failed.failure.reason = reason;
    EXPECT_FALSE(NextStep({1, milliseconds(120), milliseconds(20)}, failed).again);
    EXPECT_TRUE(NextStep({1, milliseconds(400), milliseconds(20)}, failed).again);
  }
}

}  // namespace
}  // namespace tripla
