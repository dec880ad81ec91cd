// SPDX-License-Identifier: Apache-2.0
#include "log/local/fsync_policy.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

TEST(FsyncPolicy, ReadsWhatItWrites) {
  for (const char* text : {"always", "never", "interval:1ms", "interval:100ms", "interval:3600s"}) {
    const absl::StatusOr<FsyncPolicy> policy = ParseFsyncPolicy(text);
    ASSERT_TRUE(policy.ok()) << policy.status();
    EXPECT_EQ(FsyncPolicyText(*policy), text);
  }
  EXPECT_EQ(ParseFsyncPolicy("interval:1h")->interval, std::chrono::hours(1));
}

TEST(FsyncPolicy, RefusesAnythingElseAndSaysWhatToWrite) {
  for (const char* text :
       {"", "Always", "always ", "sometimes", "interval", "interval:", "never:1s", "interval:0ms",
        "interval:-1ms", "interval:61m", "interval:100"}) {
    const absl::Status status = ParseFsyncPolicy(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text << ": " << status;
    EXPECT_NE(status.message().find(text), std::string_view::npos) << status;
  }
}

}  // namespace
}  // namespace tripla
