// SPDX-License-Identifier: Apache-2.0
#include "rpc/listener.h"

#include <gtest/gtest.h>

namespace tripla::rpc {
namespace {

// Out of descriptors, a server said it twenty times a second.
TEST(Admission, SaysOnceASecondHowManyItHasRefused) {
  Admission admission({.connections = 0, .from_one_address = 0});
  EXPECT_FALSE(admission.SayRefused());
  testing::internal::CaptureStderr();
  for (int i = 0; i < 2; ++i) {
    EXPECT_FALSE(admission.Enter("127.0.0.1").has_value());
    EXPECT_EQ(admission.SayRefused(), i == 1) << "what is not said yet is said later";
  }
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("refused 1 connections"), std::string::npos) << said;
  EXPECT_EQ(said.find("refused 1 connections"), said.rfind("refused 1 connections")) << said;
}

TEST(Admission, CountsConnectionsOfEachAddressWhileTheyLast) {
  Admission admission({.connections = 3, .from_one_address = 2});
  const auto first = admission.Enter("a");
  {
    const auto second = admission.Enter("a");
    EXPECT_TRUE(second.has_value());
    EXPECT_FALSE(admission.Enter("a").has_value());
    const auto other = admission.Enter("b");
    EXPECT_TRUE(other.has_value());
    EXPECT_FALSE(admission.Enter("c").has_value());
  }
  EXPECT_TRUE(admission.Enter("a").has_value());
  EXPECT_EQ(admission.connections(), 1u);
}

}  // namespace
}  // namespace tripla::rpc
