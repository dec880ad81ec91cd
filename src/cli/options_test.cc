// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tripla::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Runs each test with an empty home and none of our variables.
class OptionsTest : public testing::Test {
 protected:
  void SetUp() override {
    home_ = std::filesystem::path(testing::TempDir()) /
            testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(home_);
    setenv("HOME", home_.c_str(), 1);
    for (const char* name : kVariables) unsetenv(name);
  }
  void TearDown() override {
    for (const char* name : kVariables) unsetenv(name);
    std::filesystem::remove_all(home_);
  }

  std::string WriteFile(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories((home_ / path).parent_path());
    std::ofstream(home_ / path) << text;
    return (home_ / path).string();
  }

  static Options Parsed(const std::vector<std::string>& arguments) {
    std::variant<Options, ExitCode> options = ParseOptions(arguments);
    EXPECT_TRUE(std::holds_alternative<Options>(options));
    return std::holds_alternative<Options>(options) ? std::get<Options>(options) : Options{};
  }

  // What it says of a usage error.
  static std::string ErrorOf(const std::vector<std::string>& arguments) {
    testing::internal::CaptureStderr();
    std::variant<Options, ExitCode> options = ParseOptions(arguments);
    const auto* code = std::get_if<ExitCode>(&options);
    EXPECT_TRUE(code != nullptr && *code == ExitCode::kUsage);
    return testing::internal::GetCapturedStderr();
  }

  static constexpr const char* kVariables[] = {
      "TRIPLA_ENDPOINTS", "TRIPLA_SERVER",        "TRIPLA_TIMEOUT", "TRIPLA_OUTPUT",
      "TRIPLA_STRICT",    "TRIPLA_CLIENT_CONFIG", "XDG_CONFIG_HOME"};
  std::filesystem::path home_;
};

TEST_F(OptionsTest, HasDefaults) {
  const Options options = Parsed({});
  EXPECT_THAT(options.connection.endpoints, ElementsAre("127.0.0.1:7420"));
  EXPECT_EQ(options.connection.timeout, std::chrono::seconds(5));
  EXPECT_EQ(options.settings.format, OutputFormat::kPlain);
  EXPECT_EQ(options.settings.verdict, Settings::Verdict::kDecided);
  EXPECT_THAT(options.words, IsEmpty());
}

TEST_F(OptionsTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  WriteFile(".config/tripla/config.toml",
            "server = \"file:1\"\ntimeout = \"1s\"\noutput = \"json\"\nstrict = \"on\"\n");
  setenv("TRIPLA_SERVER", "environment:2", 1);
  setenv("TRIPLA_TIMEOUT", "2s", 1);
  setenv("TRIPLA_STRICT", "off", 1);
  const Options options = Parsed({"--server", "flag:3"});
  EXPECT_THAT(options.connection.endpoints, ElementsAre("flag:3"));
  EXPECT_THAT(Parsed({"--server", "a:1,b:2"}).connection.endpoints, ElementsAre("a:1", "b:2"));
  EXPECT_EQ(options.connection.timeout, std::chrono::seconds(2));
  EXPECT_EQ(options.settings.format, OutputFormat::kJson);
  EXPECT_EQ(options.settings.verdict, Settings::Verdict::kDecided);
}

TEST_F(OptionsTest, S20_ServersAreNamedAlikeInAllProgramsAndAsBefore) {
  for (const char* flag : {"-e", "--endpoints", "--server"}) {
    EXPECT_THAT(Parsed({"get", flag, "a:1,b:2", "1"}).connection.endpoints,
                ElementsAre("a:1", "b:2"))
        << flag;
  }
  for (const char* name : {"endpoints", "server"}) {
    const std::string path = WriteFile("a.toml", std::string(name) + " = \"file:1\"\n");
    EXPECT_THAT(Parsed({"--config", path}).connection.endpoints, ElementsAre("file:1")) << name;
  }
  setenv("TRIPLA_SERVER", "old:1", 1);
  EXPECT_THAT(Parsed({}).connection.endpoints, ElementsAre("old:1"));
  setenv("TRIPLA_ENDPOINTS", "new:1", 1);
  EXPECT_THAT(Parsed({}).connection.endpoints, ElementsAre("new:1"));
  const std::string both = WriteFile("b.toml", "server = \"a:1\"\nendpoints = \"b:1\"\n");
  EXPECT_THAT(ErrorOf({"--config", both}), HasSubstr("the same setting"));
}

TEST_F(OptionsTest, FindsTheFileWhereItIsTold) {
  const std::string path = WriteFile("mine.toml", "server = \"file:1\"\n");
  EXPECT_THAT(Parsed({"--config", path}).connection.endpoints, ElementsAre("file:1"));
  setenv("TRIPLA_CLIENT_CONFIG", path.c_str(), 1);
  EXPECT_THAT(Parsed({}).connection.endpoints, ElementsAre("file:1"));
  unsetenv("TRIPLA_CLIENT_CONFIG");
  WriteFile("xdg/tripla/config.toml", "server = \"xdg:1\"\n");
  setenv("XDG_CONFIG_HOME", (home_ / "xdg").c_str(), 1);
  EXPECT_THAT(Parsed({}).connection.endpoints, ElementsAre("xdg:1"));
}

TEST_F(OptionsTest, TheFileHasASwitchAsTomlHasIt) {
  const std::string path = WriteFile("mine.toml", "strict = true\n");
  EXPECT_EQ(Parsed({"--config", path}).settings.verdict, Settings::Verdict::kStrict);
}

TEST_F(OptionsTest, RefusesAFileItCannotUse) {
  EXPECT_THAT(ErrorOf({"--config", (home_ / "absent").string()}), HasSubstr("absent"));
  const std::string unknown = WriteFile("a.toml", "sever = \"x:1\"\n");
  EXPECT_THAT(ErrorOf({"--config", unknown}), HasSubstr("\"sever\" is no setting"));
  EXPECT_THAT(ErrorOf({"--config", home_.string()}), HasSubstr("it is a directory"));
  const std::string list = WriteFile("c.toml", "\noutput = [\"json\"]\n");
  EXPECT_THAT(ErrorOf({"--config", list}), HasSubstr("c.toml: line 2: [\"json\"] is neither"));
  const std::string bad = WriteFile("b.toml", "timeout = \"soon\"\n");
  EXPECT_THAT(ErrorOf({"--config", bad}), HasSubstr("configuration file, timeout"));
}

TEST_F(OptionsTest, NamesTheVariableThatIsWrong) {
  setenv("TRIPLA_OUTPUT", "xml", 1);
  EXPECT_THAT(ErrorOf({}), HasSubstr("TRIPLA_OUTPUT: \"xml\" is no output format"));
}

TEST_F(OptionsTest, RefusesBadFlags) {
  EXPECT_THAT(ErrorOf({"--frob"}), HasSubstr("--frob"));
  EXPECT_THAT(ErrorOf({"-o", "xml"}), HasSubstr("plain, json, table and raw"));
  for (const char* text : {"", "host", ":1", "host:0", "host:65536", "host:x", "a b:1", "a/b:1"}) {
    EXPECT_THAT(ErrorOf({"--server", text}), HasSubstr("not HOST:PORT")) << text;
  }
  for (const char* text : {"soon", "0", "25h", "-1s"}) {
    EXPECT_THAT(ErrorOf({"--timeout", text}), HasSubstr("--timeout")) << text;
  }
}

TEST_F(OptionsTest, SaysInItsOwnWordsThatAFlagIsGivenTwiceOrLacksItsValue) {
  EXPECT_THAT(
      ErrorOf({"-e", "a:1", "-e", "b:1"}),
      HasSubstr("--endpoints is given 2 times; give it once, with commas between: HOST:PORT,..."));
  EXPECT_THAT(ErrorOf({"--timeout", "1s", "--timeout", "2s"}),
              HasSubstr("--timeout is given 2 times; give it once;"));
  EXPECT_THAT(ErrorOf({"--timeout"}), HasSubstr("--timeout needs a value: DURATION"));
  EXPECT_THAT(ErrorOf({"--config", ""}), HasSubstr("the name of the configuration file is empty"));
}

TEST_F(OptionsTest, FlagsStandBeforeTheVerbAndBehindIt) {
  const Options options = Parsed(
      {"--timeout=1s", "cas", "-12", "-", "-o", "json", "--version", "3", "--server", "a:1"});
  EXPECT_THAT(options.words, ElementsAre("cas", "-12", "-", "--version", "3"));
  EXPECT_EQ(options.settings.format, OutputFormat::kJson);
  EXPECT_EQ(options.connection.timeout, std::chrono::seconds(1));
  EXPECT_THAT(options.connection.endpoints, ElementsAre("a:1"));
}

TEST_F(OptionsTest, WhatStandsBehindTwoHyphensIsNoFlag) {
  EXPECT_THAT(Parsed({"set", "1", "--", "-o"}).words, ElementsAre("set", "1", "--", "-o"));
  EXPECT_THAT(Parsed({"--", "get", "1"}).words, ElementsAre("get", "1"));
}

TEST_F(OptionsTest, HelpBehindAVerbIsAboutTheVerb) {
  EXPECT_THAT(Parsed({"cas", "--help"}).words, ElementsAre("help", "cas"));
}

}  // namespace
}  // namespace tripla::cli
