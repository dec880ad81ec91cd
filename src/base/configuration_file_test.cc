// SPDX-License-Identifier: Apache-2.0
#include "base/configuration_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

TEST_F(ConfigurationFile, ANameThatComesTwiceIsRefused) {
  EXPECT_THAT(ErrorOf("log = \"on\"\nlog = \"off\"\n"), HasSubstr("\"log\" takes one text, once"));
  EXPECT_THAT(ErrorOf("log = \"on\"\nx = \"1\"\nlog = \"off\"\n"), HasSubstr("\"log\""));
}

TEST_F(ConfigurationFile, ListsAndSectionsAreRefused) {
  EXPECT_THAT(ErrorOf("log = [\"on\", \"off\"]\n"), HasSubstr("\"log\" takes one text, once"));
  EXPECT_THAT(ErrorOf("[server]\nlog = \"on\"\n"), HasSubstr("no sections, such as \"server\""));
}

TEST_F(ConfigurationFile, WhatCannotBeReadIsSaid) {
  EXPECT_THAT(std::string(ReadConfigurationFile(path_).status().message()),
              HasSubstr("No such file or directory"));
  EXPECT_THAT(std::string(ReadConfigurationFile(testing::TempDir()).status().message()),
              HasSubstr("it is a directory"));
}

}  // namespace
}  // namespace tripla
