// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/check_run.h"

#include <gtest/gtest.h>

#include <iostream>

#include "absl/strings/str_join.h"
#include "tests/harness/dose.h"

namespace tripla {

CheckRun::CheckRun(const std::vector<std::string>& endpoints, std::chrono::milliseconds duration,
                   std::chrono::seconds patience)
    : end_(std::chrono::steady_clock::now() + duration),
      process_({ProgramPath("tripla-check"), "history", "--claim", "R11.linearizable-when-cut",
                "--endpoints", absl::StrJoin(endpoints, ","), "--duration",
                std::to_string(duration.count()) + "ms", "--timeout",
                std::to_string(patience.count()) + "s", "--clients", "6", "--seed",
                std::to_string(Seed())}) {
  process_.AwaitOutput("seed ");
}

void CheckRun::Finish() {
  EXPECT_EQ(process_.Wait(), 0) << process_.output();
  std::cout << process_.output();
}

}  // namespace tripla
