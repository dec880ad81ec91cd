// SPDX-License-Identifier: Apache-2.0
#include "base/configuration_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace tripla {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class ConfigurationFile : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }

  absl::StatusOr<std::map<std::string, std::string>> Read(const std::string& content) {
    std::ofstream(path_, std::ios::binary) << content;
    return ReadConfigurationFile(path_);
  }
  std::string ErrorOf(const std::string& content) {
    const absl::Status status = Read(content).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    return std::string(status.message());
  }

  const std::string path_ =
      testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name() + ".toml";
};

TEST_F(ConfigurationFile, HasATextForEachName) {
  EXPECT_THAT(*Read("# a comment\nlog = \"on\"  # and another\n\ndata-dir = '/a b'\r\nterm=1"),
              ElementsAre(Pair("data-dir", "/a b"), Pair("log", "on"), Pair("term", "1")));
  EXPECT_THAT(*Read(""), IsEmpty());
}

TEST_F(ConfigurationFile, HasNumbersAndSwitches) {
  EXPECT_THAT(*Read("a = 1\nb = -2.5 # a comment\nc = true\nd = false#\n"),
              ElementsAre(Pair("a", "1"), Pair("b", "-2.5"), Pair("c", "on"), Pair("d", "off")));
}

TEST_F(ConfigurationFile, ATextInDoubleQuotesHasEscapesAndOneInSingleQuotesHasNone) {
  EXPECT_THAT(*Read(R"(a = "\"\\ #\n")"
                    "\n"
                    R"(b = '"\ #')"),
              ElementsAre(Pair("a", "\"\\ #\n"), Pair("b", "\"\\ #")));
}

TEST_F(ConfigurationFile, ANameThatComesTwiceIsRefused) {
  EXPECT_THAT(ErrorOf("log = \"on\"\nlog = \"off\"\n"),
              HasSubstr("line 2: \"log\" was given before"));
  EXPECT_THAT(ErrorOf("log = \"on\"\nx = \"1\"\nlog = \"off\"\n"), HasSubstr("line 3: \"log\""));
}

TEST_F(ConfigurationFile, AllElseIsRefusedWithItsLine) {
  for (const char* line : {"x",
                           "x =",
                           "= 1",
                           "log",
                           "log on",
                           "x = json",
                           "x = [\"json\"]",
                           "x = [1, 2]",
                           "[server]",
                           "x = 'a",
                           "x = \"a",
                           "x = \"a\\",
                           R"(x = "\z")",
                           "x = \"a\" b",
                           "x = 1 2",
                           "x = 1x",
                           "x = 1.",
                           "x = .5",
                           "x = +",
                           "x = --1",
                           "x = TRUE",
                           "x = {a = 1}",
                           "a.b = 1",
                           "\"x\" = 1",
                           "x = 1979-05-27",
                           "x = # 1"}) {
    EXPECT_THAT(ErrorOf(std::string("a = 1\n\n") + line + "\n"), HasSubstr("line 3: ")) << line;
  }
}

TEST_F(ConfigurationFile, WhatCannotBeReadIsSaid) {
  EXPECT_THAT(std::string(ReadConfigurationFile(path_).status().message()),
              HasSubstr("No such file or directory"));
  EXPECT_THAT(std::string(ReadConfigurationFile(testing::TempDir()).status().message()),
              HasSubstr("it is a directory"));
  EXPECT_THAT(std::string(ReadConfigurationFile("").status().message()),
              HasSubstr("the name of the configuration file is empty"));
}

// /dev/zero was read until no memory was left, and a pipe until somebody wrote to it.
TEST_F(ConfigurationFile, OnlyARegularFileOfAMebibyteAtMostIsRead) {
  EXPECT_THAT(std::string(ReadConfigurationFile("/dev/zero").status().message()),
              HasSubstr("it is a pipe or a device"));
  ASSERT_EQ(mkfifo(path_.c_str(), S_IRWXU), 0);
  EXPECT_THAT(std::string(ReadConfigurationFile(path_).status().message()),
              HasSubstr("it is a pipe or a device"));
  std::filesystem::remove(path_);
  constexpr size_t kMost = size_t{1} << 20;
  EXPECT_THAT(*Read("#" + std::string(kMost - 1, 'x')), IsEmpty());
  EXPECT_THAT(ErrorOf("#" + std::string(kMost, 'x')), HasSubstr("it is larger than 1 MiB"));
}

}  // namespace
}  // namespace tripla
