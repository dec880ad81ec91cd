// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace tripla::cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Completions, AreVerbsInTheFirstWord) {
  EXPECT_THAT(Completions("s"), ElementsAre("set", "status", "snapshot"));
  EXPECT_THAT(Completions("GET 1 --"), ElementsAre("--consistency"));
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

TEST(Completions, S19_AreFilesBehindAnAtSignAndBatch) {
  const std::filesystem::path directory =
      std::filesystem::path(testing::TempDir()) / "tripla_completions";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory / "photos");
  for (const char* name : {"photo.jpg", "two words", ".hidden", "other", "it's"}) {
    std::ofstream(directory / name) << "x";
  }
  const std::string start = directory.string() + "/";
  EXPECT_THAT(Completions("set 1 @" + start + "ph"),
              ElementsAre("@" + start + "photo.jpg", "@" + start + "photos/"));
  EXPECT_THAT(Completions("batch " + start),
              ElementsAre(start + "other", start + "photo.jpg", start + "photos/"));
  EXPECT_THAT(Completions("cas 1 @" + start + ".h"), ElementsAre("@" + start + ".hidden"));
  EXPECT_THAT(Completions("set 1 @" + start + "absent/"), IsEmpty());
  std::filesystem::remove_all(directory);
}

TEST(CommonStart, IsWhatAllBeginWith) {
  EXPECT_EQ(CommonStart({"set", "status"}), "s");
  EXPECT_EQ(CommonStart({"set", "set"}), "set");
  EXPECT_EQ(CommonStart({}), "");
}

}  // namespace
}  // namespace tripla::cli
