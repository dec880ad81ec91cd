// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tripla::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Completions, AreVerbsInTheFirstWord) {
  EXPECT_THAT(Completions("s"), ElementsAre("set", "status", "snapshot"));
  EXPECT_THAT(Completions("  ca"), ElementsAre("cas"));
  EXPECT_THAT(Completions("\\t"), ElementsAre("\\timing"));
}

TEST(Completions, AreTheFlagsOfTheVerb) {
  EXPECT_THAT(Completions("cas 1 a --"), ElementsAre("--version", "--timestamp", "--if-revision"));
  EXPECT_THAT(Completions("del 1 --i"), ElementsAre("--if-revision"));
  EXPECT_THAT(Completions("get 1 --"), ElementsAre("--consistency"));
  EXPECT_THAT(Completions("batch f --"), IsEmpty());
}

TEST(Completions, AreWhatCommandsTake) {
  EXPECT_THAT(Completions("help ca"), ElementsAre("cas"));
  EXPECT_THAT(Completions("\\o "), ElementsAre("plain", "json", "table", "raw"));
  EXPECT_THAT(Completions("frob "), IsEmpty());
}

TEST(CommonStart, IsWhatAllBeginWith) {
  EXPECT_EQ(CommonStart({"set", "status"}), "s");
  EXPECT_EQ(CommonStart({"set", "set"}), "set");
  EXPECT_EQ(CommonStart({}), "");
}

}  // namespace
}  // namespace tripla::cli
