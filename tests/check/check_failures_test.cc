// SPDX-License-Identifier: Apache-2.0
//
// tripla-check as people run it, against servers that are wrong, silent or gone: what it says, and
// how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <latch>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/check/fault_forms.h"
#include "tests/harness/process.h"

namespace tripla::check {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A run to its end; of what it printed, errors and data together.
struct Ended {
  int code;
  std::string output;
};

std::unique_ptr<Process> Start(std::vector<std::string> arguments,
                               std::vector<std::string> environment = {}) {
  arguments.insert(arguments.begin(), ProgramPath("tripla-check"));
  return std::make_unique<Process>(std::move(arguments), std::move(environment));
}

Ended Check(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
  const std::unique_ptr<Process> process = Start(std::move(arguments), std::move(environment));
  const int code = process->Wait();
  return {code, process->output()};
}

std::string TextOfFile(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

nlohmann::json JsonOf(const std::string& output) {
  return nlohmann::json::parse(output.substr(output.find('{')));
}

// What stands behind `name` on its line.
std::string RestOfLine(const std::string& text, const std::string& name) {
  const size_t begin = text.find(name);
  if (begin == std::string::npos) return "";
  return text.substr(begin + name.size(), text.find('\n', begin) - begin - name.size());
}

// del of an absent key is ERROR_NE.
class CheckOfAWrongServer : public testing::Test {
 protected:
  WrongServer server_{Answered([](const v1::Operation& request, v1::Reply& reply) {
    if (request.has_del() && reply.result() == v1::ERROR) reply.set_result(v1::ERROR_NE);
  })};
  TemporaryDirectory directory_;
};

TEST_F(CheckOfAWrongServer, SaysWhatWasExpectedAndWhatCameAndHowToSeeItAgain) {
  const Ended run = Check({"api", "--claim", "R6.del-absent", "-e", server_.endpoint()});
  EXPECT_EQ(run.code, 1) << run.output;
  EXPECT_THAT(run.output, AllOf(HasSubstr("✗  api    R6.del-absent"),
                                HasSubstr("expected: ERROR NULL revision at least 0\n"),
                                HasSubstr("got:      ERROR_NE NULL revision 0\n"),
                                HasSubstr("1 of 2 claims hold, 1 fail; seed ")));
  const std::string again = RestOfLine(run.output, "again: tripla-check ");
  ASSERT_THAT(again, StartsWith("api --claim R6.del-absent --seed "));
  const Ended once_more = Check(absl::StrSplit(again, ' '));
  EXPECT_EQ(once_more.code, 1) << once_more.output;
  EXPECT_THAT(once_more.output, HasSubstr("got:      ERROR_NE NULL revision"));
}

TEST_F(CheckOfAWrongServer, TellsMachinesTheSame) {
  const std::string junit = directory_.path() + "/check.xml";
  const Ended run = Check({"api", "--claim", "R6.del-absent", "-o", "json", "--junit", junit,
                           "--endpoints", server_.endpoint()});
  EXPECT_EQ(run.code, 1);
  const nlohmann::json report = JsonOf(run.output);
  EXPECT_EQ(report["exit_code"], 1);
  const nlohmann::json& claim = report["claims"][0];
  EXPECT_EQ(claim["verdict"], "fails");
  EXPECT_EQ(claim["mismatches"][0]["what"], "del");
  EXPECT_EQ(claim["mismatches"][0]["expected"], "ERROR NULL revision at least 0");
  EXPECT_THAT(claim["mismatches"][0]["got"].get<std::string>(), StartsWith("ERROR_NE NULL"));
  EXPECT_THAT(claim["again"].get<std::string>(), StartsWith("tripla-check api --claim R6.del-ab"));
  EXPECT_THAT(TextOfFile(junit),
              AllOf(HasSubstr("<failure message=\"del of an absent key is ERROR, not ERROR_NE\">"),
                    HasSubstr("expected: ERROR NULL revision at least 0\ngot: ERROR_NE NULL"),
                    HasSubstr("failures=\"1\" errors=\"0\" skipped=\"0\"")));
}

TEST(CheckWithoutAServer, TellsMachinesOneErrorAndWhatWasNotTried) {
  const TemporaryDirectory directory;
  const std::string junit = directory.path() + "/check.xml";
  std::ofstream(junit) << "a former report";
  const Ended run =
      Check({"api", "--timeout", "200ms", "-o", "json", "--junit", junit, "-e", "127.0.0.1:1"});
  EXPECT_EQ(run.code, 6) << run.output;
  EXPECT_THAT(run.output, AllOf(HasSubstr("no answer from 127.0.0.1:1 within 200ms: Connection "
                                          "refused; nothing was checked"),
                                Not(HasSubstr("failed to connect to all addresses"))));
  const nlohmann::json report = JsonOf(run.output);
  EXPECT_EQ(report["claims"].front()["verdict"], "not tried");
  EXPECT_EQ(report["claims"].back()["verdict"], "open");
  EXPECT_THAT(TextOfFile(junit), AllOf(HasSubstr("<skipped message=\"no server was reached\"/>"),
                                       ContainsRegex("tests=\"1\" failures=\"0\" errors=\"1\""),
                                       HasSubstr("Connection refused")));
}

TEST(CheckWithoutAServer, ListsItsClaims) {
  const Ended list = Check({"api", "--claim", "R6", "--list"});
  EXPECT_EQ(list.code, 0);
  EXPECT_EQ(list.output,
            "api      R6.del-absent                        del of an absent key is ERROR, not "
            "ERROR_NE\n"
            "api      R6.del-present                       del shows what it removed; then the key "
            "is absent\n");
  const nlohmann::json json =
      JsonOf(Check({"api", "--claim", "R6", "--list", "-o", "json"}).output);
  ASSERT_EQ(json["claims"].size(), 2u);
  EXPECT_EQ(json["claims"][0]["claim"], "R6.del-absent");
  EXPECT_EQ(json["claims"][0]["requirement"], "R6");
}

TEST(CheckWithoutAServer, NoticesAnOutputThatCannotBeWritten) {
  for (const char* arguments :
       {"--help", "all --list", "all -o json --timeout 50ms -e 127.0.0.1:1"}) {
    Process process(
        {"/bin/sh", "-c", ProgramPath("tripla-check") + " " + arguments + " > /dev/full"});
    EXPECT_EQ(process.Wait(), 2) << process.output();
    EXPECT_THAT(process.output(), HasSubstr("standard output cannot be written"));
  }
}

TEST(CheckWithoutAServer, SaysWhichWordIsWrongAndWhatThereIs) {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::vector<std::string> parts;
  };
  for (const Case& one : std::vector<Case>{
           {{"nope"}, {}, {"nope", "all, api, stress, cut, history"}},
           {{}, {}, {"all, api, stress, cut, history"}},
           {{"api", "--seed", "-1"}, {}, {"--seed", "\"-1\""}},
           {{"api", "--seed", "18446744073709551616"}, {}, {"--seed", "18446744073709551615"}},
           {{"api", "-o", "1"}, {}, {"\"1\" is no output format", "table and json"}},
           {{"api", "-o", "xml"}, {}, {"\"xml\" is no output format", "table and json"}},
           {{"api"}, {"TRIPLA_SERVER=bad"}, {"TRIPLA_SERVER", "\"bad\" is not HOST:PORT"}},
           {{"--bogus"}, {}, {"--bogus"}},
           {{"--list", "--bogus"}, {}, {"--bogus"}},
           {{"api", "--bogus"}, {}, {"--bogus"}},
       }) {
    const Ended run = Check(one.arguments, one.environment);
    EXPECT_EQ(run.code, 2) << run.output;
    for (const std::string& part : one.parts) EXPECT_THAT(run.output, HasSubstr(part));
    EXPECT_THAT(run.output, HasSubstr("tripla-check --help"));
  }
}

TEST(CheckWithoutAServer, S20_ListAloneListsTheClaimsOfAllCommands) {
  const Ended alone = Check({"--list"}, {});
  EXPECT_EQ(alone.code, 0) << alone.output;
  EXPECT_EQ(alone.output, Check({"all", "--list"}, {}).output);
}

TEST(CheckWithoutAServer, ABadServerVariableHarmsNobodyWhoDoesNotUseIt) {
  EXPECT_EQ(Check({"--help"}, {"TRIPLA_SERVER=bad"}).code, 0);
  EXPECT_EQ(Check({"api", "--list", "-e", "127.0.0.1:1"}, {"TRIPLA_SERVER=bad"}).code, 0);
}

// It takes every call and answers none.
TEST(CheckOfASilentServer, OneInterruptEndsItWithinTheTimeOfOneCall) {
  using Clock = std::chrono::steady_clock;
  std::latch called(1);
  std::latch over(1);
  const WrongServer server(
      [&, first = true](const v1::Operation&, v1::Reply&, const WrongServer::Right&) mutable {
        if (std::exchange(first, false)) called.count_down();
        over.wait();
        return grpc::Status::OK;
      });
  const std::unique_ptr<Process> process =
      Start({"api", "--timeout", "5s", "--endpoints", server.endpoint()});
  called.wait();
  process->Signal(SIGINT);
  const Clock::time_point begin = Clock::now();
  process->AwaitOutput("cleaning up; again to give up");
  EXPECT_EQ(process->Wait(), 130) << process->output();
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(9));  // once 5 s, not twice
  EXPECT_THAT(process->output(), AllOf(HasSubstr("1 keys left of 0x"), HasSubstr("not tried")));
  over.count_down();
}

}  // namespace
}  // namespace tripla::check
