// SPDX-License-Identifier: Apache-2.0
//
// tripla-check as people run it, against the real server (R21).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class CheckProgram : public testing::Test {
 protected:
  std::unique_ptr<Process> Start(std::vector<std::string> arguments,
                                 std::vector<std::string> environment = {}) {
    arguments.insert(arguments.begin(), ProgramPath("tripla-check"));
    return std::make_unique<Process>(std::move(arguments), std::move(environment));
  }

  // Runs it to its end against the server.
  int Check(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--endpoints", server_.endpoint()});
    const std::unique_ptr<Process> process = Start(std::move(arguments));
    const int code = process->Wait();
    output_ = process->output();
    return code;
  }

  uint64_t Keys() {
    grpc::ClientContext context;
    v1::StatusReply status;
    EXPECT_TRUE(server_.admin().Status(&context, {}, &status).ok());
    return status.keys();
  }

  TemporaryDirectory directory_;
  TestServer server_{directory_.path()};
  std::string output_;
};

TEST_F(CheckProgram, AllClaimsHoldAndNoKeyIsLeft) {
  EXPECT_EQ(Check({"all", "--duration", "500ms"}), 0) << output_;
  EXPECT_THAT(output_, AllOf(HasSubstr("R8.test-and-set-equal"), HasSubstr("R21.entries"),
                             HasSubstr("R21.reset-reply"), HasSubstr("R11.linearizable")));
  EXPECT_EQ(Keys(), 0u);
}

TEST_F(CheckProgram, FourInstancesAtOnceAllPass) {
  std::vector<std::unique_ptr<Process>> instances;
  for (int i = 0; i < 4; ++i) {
    // Of one seed: what is the same must not get in each other's way.
    instances.push_back(Start({"all", "--duration", "500ms", "--seed", "7", "--endpoints",
                               server_.endpoint() + "," + server_.endpoint()}));
  }
  for (const auto& instance : instances) {
    EXPECT_EQ(instance->Wait(), 0) << instance->output();
  }
  EXPECT_EQ(Keys(), 0u);
}

TEST_F(CheckProgram, OthersKeysAreLeftAlone) {
  for (const char* key : {"0", "1", "-1", "42"}) Set(server_.stub(), key, 5, "mine");
  EXPECT_EQ(Check({"api"}), 0) << output_;
  EXPECT_EQ(Keys(), 4u);
  EXPECT_EQ(Get(server_.stub(), "42").reply.value().data(), "mine");
}

TEST_F(CheckProgram, AnInterruptedRunRemovesItsKeys) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const std::unique_ptr<Process> process =
        Start({"stress", "--entries", "1000000", "--endpoints", server_.endpoint()});
    while (Keys() < 100) {
    }
    process->Signal(signal);
    EXPECT_EQ(process->Wait(), 130) << process->output();
    EXPECT_EQ(Keys(), 0u);
    EXPECT_THAT(process->output(), HasSubstr("interrupted"));
    EXPECT_THAT(process->output(), testing::Not(HasSubstr("1000000 entries")));  // it had begun
  }
}

TEST_F(CheckProgram, ReportsAsJsonAndJunit) {
  const std::string junit = directory_.path() + "/check.xml";
  EXPECT_EQ(Check({"api", "--claim", "R8", "-o", "json", "--junit", junit, "--seed", "18"}), 0);
  const nlohmann::json report = nlohmann::json::parse(output_.substr(output_.find('{')));
  EXPECT_EQ(report["seed"], "18");
  EXPECT_EQ(report["exit_code"], 0);
  EXPECT_EQ(report["claims"][0]["requirement"], "R8");
  EXPECT_EQ(report["claims"][0]["verdict"], "holds");
  std::ostringstream xml;
  xml << std::ifstream(junit).rdbuf();
  EXPECT_THAT(xml.str(),
              AllOf(StartsWith("<?xml"), HasSubstr("<testsuite name=\"api\" tests="),
                    HasSubstr("failures=\"0\""), HasSubstr("name=\"seed\" value=\"18\"")));
}

TEST_F(CheckProgram, ARightServerWithASmallLimitPasses) {
  const TemporaryDirectory directory;
  Process server({ProgramPath("triplad"), "--data-dir", directory.path(), "--listen", "127.0.0.1:0",
                  "--data-bytes-max", "100"});
  const std::string endpoint = server.AwaitOutput("ready on ");
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"api"}, {"cut", "--claim", "R21.at-random"}}) {
    std::vector<std::string> all = arguments;
    all.insert(all.end(), {"--endpoints", endpoint});
    const std::unique_ptr<Process> process = Start(all);
    EXPECT_EQ(process->Wait(), 0) << process->output();
  }
}

TEST_F(CheckProgram, UsageErrorsExitWith2AndSayWhatNext) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {}, {"everything"}, {"all", "--clients", "0"}, {"api", "--claim", "R99"}}) {
    EXPECT_EQ(Check(arguments), 2) << output_;
    EXPECT_THAT(output_, HasSubstr("tripla-check --help"));
  }
  EXPECT_EQ(Start({"all"}, {"TRIPLA_ENDPOINTS=nowhere"})->Wait(), 2);
  EXPECT_EQ(Start({"all"}, {"TRIPLA_CHECK_SEED=x"})->Wait(), 2);
}

TEST_F(CheckProgram, AServerOutOfReachIs6) {
  const std::string endpoint = server_.endpoint();
  server_.Stop();
  const std::unique_ptr<Process> process =
      Start({"all", "--timeout", "300ms", "--endpoints", endpoint});
  EXPECT_EQ(process->Wait(), 6);
  EXPECT_THAT(process->output(), AllOf(HasSubstr(endpoint), HasSubstr("--endpoints")));
}

TEST_F(CheckProgram, AServerThatDiesMeanwhileIs6) {
  const std::unique_ptr<Process> process =
      Start({"stress", "--duration", "1h", "--timeout", "1s", "--endpoints", server_.endpoint()});
  while (Keys() < 100) {
  }
  server_.Kill();
  EXPECT_EQ(process->Wait(), 6) << process->output();
  EXPECT_THAT(process->output(),
              AllOf(HasSubstr("not tried: the run had ended"), HasSubstr("ended early: no answer"),
                    testing::ContainsRegex("[1-9][0-9]* keys left of 0x")));
}

}  // namespace
}  // namespace tripla
