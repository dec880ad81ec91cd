// SPDX-License-Identifier: Apache-2.0
//
// tripla-bench as people run it, against the real server. What it counts is compared with what the
// server counts; how fast anything is, is no test's business.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class BenchProgram : public testing::Test {
 protected:
  std::unique_ptr<Process> Start(std::vector<std::string> arguments,
                                 std::vector<std::string> environment = {}) {
    arguments.insert(arguments.begin(), ProgramPath("tripla-bench"));
    return std::make_unique<Process>(std::move(arguments), std::move(environment));
  }

  // Runs it for a moment against the server and reads its report.
  nlohmann::json Bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--endpoints", server_.endpoint(), "-o", "json"});
    const std::unique_ptr<Process> process = Start(
        std::move(arguments),
        {"TRIPLA_BENCH_IN_FLIGHT=16", "TRIPLA_BENCH_WARM_UP=100ms", "TRIPLA_BENCH_DURATION=300ms"});
    EXPECT_EQ(process->Wait(), 0) << process->output();
    nlohmann::json report = nlohmann::json::parse(process->output(), nullptr, false);
    EXPECT_TRUE(report.is_object()) << process->output();
    EXPECT_EQ(report["errors"], 0) << report;
    EXPECT_EQ(report["unknown"], 0) << report;
    EXPECT_GT(report["calls_per_second"], 0) << report;
    EXPECT_GT(report["own_cpu_us_per_call"], 0) << report;
    const nlohmann::json& latency = report["latency_us"];
    EXPECT_GT(latency["p50"], 0) << report;
    const char* const ascending[] = {"p50", "p90", "p99", "p99.9", "p99.99", "max"};
    for (size_t i = 1; i < std::size(ascending); ++i) {
      EXPECT_LE(latency[ascending[i - 1]], latency[ascending[i]]) << report;
    }
    return report;
  }

  v1::StatusReply Status() {
    grpc::ClientContext context;
    v1::StatusReply status;
    EXPECT_TRUE(server_.admin().Status(&context, {}, &status).ok());
    return status;
  }

  TemporaryDirectory directory_;
  TestServer server_{directory_.path()};
};

TEST_F(BenchProgram, SetCreatesAsManyEntriesAsItCounts) {
  const nlohmann::json report = Bench({"set", "--value-bytes", "200"});
  EXPECT_EQ(report["results"]["SUCCESS"], report["calls"]);
  EXPECT_EQ(Status().keys(), report["calls"].get<uint64_t>());
  EXPECT_EQ(Status().held_bytes(), (17 + 200) * Status().keys());  // a key of 16 in ordered form
  EXPECT_EQ(Status().sessions(), 0u);
}

TEST_F(BenchProgram, SetEndsWithItsKeys) {
  const nlohmann::json report = Bench({"set", "--keys", "33", "--duration", "1h", "--request-ids"});
  EXPECT_EQ(report["results"]["SUCCESS"], 33);
  EXPECT_EQ(Status().keys(), 33u);
  EXPECT_EQ(Status().sessions(), 16u);  // a client for each call in flight
}

TEST_F(BenchProgram, GetFillsFirstAndFindsAll) {
  const nlohmann::json report = Bench({"get", "--keys", "1001"});
  EXPECT_EQ(report["results"]["SUCCESS"], report["calls"]);
  EXPECT_EQ(Status().keys(), 1001u);
  EXPECT_EQ(Status().revision(), 1001u);
  EXPECT_EQ(Bench({"get", "--keys", "1001"})["results"]["ERROR"], 0);
  EXPECT_EQ(Status().revision(), 1001u);  // all was there already
}

TEST_F(BenchProgram, CasKnowsTheVersionsAndChangesEachTime) {
  const nlohmann::json report = Bench({"cas", "--keys", "100"});
  EXPECT_EQ(report["results"]["SUCCESS"], report["calls"]);
  EXPECT_EQ(Status().revision(), 100 + report["calls"].get<uint64_t>());
  // Another run begins without that knowledge, and learns it from the refusals.
  const nlohmann::json again = Bench({"cas", "--keys", "100"});
  EXPECT_LE(again["results"]["ERROR_WV"], 100);
  EXPECT_GT(again["results"]["SUCCESS"], 0);
}

TEST_F(BenchProgram, MixedChangesWithEverySecondCall) {
  const nlohmann::json report = Bench({"mixed", "--keys", "100"});
  EXPECT_EQ(report["results"]["SUCCESS"], report["calls"]);
  const auto changes = static_cast<double>(Status().revision() - 100);
  EXPECT_NEAR(changes, report["calls"].get<double>() / 2, 16);
}

TEST_F(BenchProgram, BatchCountsOperationsBesideCalls) {
  const nlohmann::json report = Bench({"batch", "--batch-operations", "7", "--request-ids"});
  EXPECT_EQ(report["results"]["SUCCESS"], 7 * report["calls"].get<uint64_t>());
  EXPECT_EQ(Status().keys(), report["results"]["SUCCESS"].get<uint64_t>());
  EXPECT_NEAR(report["operations_per_second"], 7 * report["calls_per_second"].get<double>(), 0.1);
}

TEST_F(BenchProgram, TheLastBatchHoldsWhatIsLeft) {
  const nlohmann::json report = Bench({"batch", "--batch-operations", "50", "--keys", "120"});
  EXPECT_EQ(report["calls"], 3);
  EXPECT_EQ(Status().keys(), 120u);
}

TEST_F(BenchProgram, NullNeedsNoServer) {
  const nlohmann::json report = Bench({"null"});
  EXPECT_NE(report["endpoints"][0], server_.endpoint());
  EXPECT_EQ(report["results"]["SUCCESS"], report["calls"]);
  EXPECT_EQ(Status().keys(), 0u);
}

TEST_F(BenchProgram, AnOpenLoopCallsAtItsRate) {
  const nlohmann::json report =
      Bench({"set", "--rate", "500", "--warm-up", "0", "--duration", "2s", "--in-flight", "1000"});
  EXPECT_NEAR(report["calls"], 1000, 200);  // six standard deviations
  EXPECT_LT(report["never_begun"], 100);    // a stalled machine is no fault of the generator
}

TEST_F(BenchProgram, TheTimelineHasALineForEachTenthOfASecond) {
  const std::string path = directory_.path() + "/timeline.csv";
  Bench({"get", "--keys", "10", "--timeline", path});
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "seconds,calls_per_second,p50_us,p99_us,p99.9_us,max_us");
  std::vector<std::string> begins;
  while (std::getline(file, line)) begins.push_back(line.substr(0, line.find(',')));
  EXPECT_THAT(begins, testing::ElementsAre("0.0", "0.1", "0.2"));
}

TEST_F(BenchProgram, AnInterruptedRunReportsWhatItFound) {
  const std::unique_ptr<Process> process =
      Start({"set", "--duration", "1h", "--warm-up", "0", "--endpoints", server_.endpoint()});
  while (Status().keys() < 100) {
  }
  process->Signal(SIGINT);
  EXPECT_EQ(process->Wait(), 130);
  EXPECT_THAT(process->output(), AllOf(HasSubstr("calls/s"), HasSubstr("p99.99"),
                                       HasSubstr(std::to_string(Status().keys()) + " SUCCESS")));
}

TEST_F(BenchProgram, WritesThatWereCutOffAreUnknownAndSaid) {
  const std::unique_ptr<Process> process =
      Start({"set", "--duration", "2s", "--warm-up", "0", "--timeout", "500ms", "--endpoints",
             server_.endpoint(), "-o", "json"});
  while (Status().keys() < 100) {
  }
  server_.Kill();
  EXPECT_EQ(process->Wait(), 0);
  const nlohmann::json report = nlohmann::json::parse(process->output());
  // Each of the 100 was answered, or was one of the 64 in flight.
  const auto answered = report["results"]["SUCCESS"].get<uint64_t>();
  EXPECT_GE(answered, 36u);
  EXPECT_GT(report["unknown"], 0);
  EXPECT_GE(answered + report["unknown"].get<uint64_t>(), 100u);
  EXPECT_FALSE(report["error_texts"].empty());
}

TEST_F(BenchProgram, AServerOutOfReachIs6) {
  const std::string endpoint = server_.endpoint();
  server_.Stop();
  const std::unique_ptr<Process> process =
      Start({"get", "--timeout", "300ms", "--endpoints", endpoint});
  EXPECT_EQ(process->Wait(), 6);
  EXPECT_THAT(process->output(), AllOf(HasSubstr(endpoint), HasSubstr("--endpoints")));
}

TEST_F(BenchProgram, UsageErrorsExitWith2AndSayWhatNext) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"put"},
           {"set", "--in-flight", "0"},
           {"set", "--rate", "-1"},
           {"set", "--duration", "5"},
           {"batch", "--batch-operations", "10001"},
           {"cas", "--api", "etcd"},
           {"cas", "--keys", "63"},
           {"set", "--timeline", directory_.path() + "/none/timeline.csv"}}) {
    const std::unique_ptr<Process> process = Start(arguments);
    EXPECT_EQ(process->Wait(), 2) << process->output();
    EXPECT_THAT(process->output(), AllOf(HasSubstr("tripla-bench: "), HasSubstr("--")));
  }
  const std::unique_ptr<Process> bogus = Start({"--bogus"});
  EXPECT_EQ(bogus->Wait(), 2);
  EXPECT_THAT(bogus->output(), HasSubstr("--bogus")) << "S20: it is what is wrong";
  EXPECT_EQ(Start({"set"}, {"TRIPLA_ENDPOINTS=nowhere"})->Wait(), 2);
  EXPECT_EQ(Start({"set"}, {"TRIPLA_BENCH_IN_FLIGHT=x"})->Wait(), 2);
}

}  // namespace
}  // namespace tripla
