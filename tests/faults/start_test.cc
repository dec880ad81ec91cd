// SPDX-License-Identifier: Apache-2.0
// Starts that cannot succeed (spec 7): one line that says what, why and what next, and the right
// exit code; and stops that must.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "tests/harness/raw_connection.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

// Runs triplad to its end.
struct Ended {
  int exit_code;
  std::string output;
};
Ended RunTriplad(std::vector<std::string> argv, std::vector<std::string> environment = {}) {
  argv.insert(argv.begin(), ProgramPath("triplad"));
  Process process(std::move(argv), std::move(environment));
  const int exit_code = process.Wait();
  return {exit_code, process.output()};
}

void ExpectOneLine(const Ended& ended, int exit_code, const std::string& part) {
  EXPECT_EQ(ended.exit_code, exit_code) << ended.output;
  EXPECT_NE(ended.output.find(part), std::string::npos)
      << "no \"" << part << "\" in " << ended.output;
  EXPECT_EQ(std::count(ended.output.begin(), ended.output.end(), '\n'), 1) << ended.output;
}

TEST(Start, BadFlagsAreUsageErrors) {
  const TemporaryDirectory directory;
  const std::string data = directory.path() + "/data";
  ExpectOneLine(RunTriplad({}), 2,
                "--data-dir is missing: name the directory that holds the data;");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--no-such-flag"}), 2, "--no-such-flag");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--fsync", "sometimes"}), 2, "sometimes");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--fsync", "interval:"}), 2, "--fsync");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--snapshot-interval", "30"}), 2, "30s");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--snapshot-interval", "1ms"}), 2, "out of range");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--scrub-interval", "1ms"}), 2,
                "from 1s to a year");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--log", "maybe"}), 2, "neither on nor off");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--listen", "nonsense"}), 2, "HOST:PORT");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--listen", "127.0.0.1:65536"}), 2, "HOST:PORT");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--data-bytes-max", "1TiB"}), 2, "out of range");
  EXPECT_FALSE(std::filesystem::exists(data)) << "a refused start left something behind";
}

TEST(Start, HelpAndVersionSucceed) {
  EXPECT_EQ(RunTriplad({"--help"}).exit_code, 0);
  EXPECT_NE(RunTriplad({"--help"}).output.find("TRIPLA_DATA_DIR"), std::string::npos);
  EXPECT_EQ(RunTriplad({"--version"}).exit_code, 0);
}

TEST(Start, FlagBeatsEnvironmentBeatsFile) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/triplad.toml";
  std::ofstream(file) << "fsync = \"from-file\"\nlog = \"from-file\"\n";
  const std::string data = directory.path() + "/data";
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", file}), 2, file + ": ");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", file, "--log", "on"},
                           {"TRIPLA_FSYNC=from-environment"}),
                2, "TRIPLA_FSYNC: \"from-environment\"");
  ExpectOneLine(
      RunTriplad({"--data-dir", data, "--config", file, "--log", "on", "--fsync", "from-flag"},
                 {"TRIPLA_FSYNC=from-environment"}),
      2, "from-flag");
}

TEST(Start, BadConfigurationFilesAreUsageErrors) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/triplad.toml";
  const std::string data = directory.path() + "/data";
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", file}), 2, "triplad.toml");
  std::ofstream(file) << "no-such-key = 1\n";
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", file}), 2, "no-such-key");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", directory.path()}), 2, "a directory");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", "/dev/zero"}), 2, "a pipe or a device");
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", ""}), 2, "file is empty");
  std::ofstream(file) << "listen = \"\x1b[2Jhere\"\n";
  ExpectOneLine(RunTriplad({"--data-dir", data, "--config", file}), 2, "\\x1b[2Jhere");
}

TEST(Start, ADataDirectoryThatIsAFileIsRefused) {
  const TemporaryDirectory directory;
  const std::string file = directory.path() + "/file";
  std::ofstream(file) << "mine";
  ExpectOneLine(RunTriplad({"--data-dir", file, "--listen", "127.0.0.1:0"}), 1, file);
}

TEST(Start, ADirectoryOfSomethingElseIsLeftAlone) {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() + "/letter.txt") << "dear";
  ExpectOneLine(RunTriplad({"--data-dir", directory.path(), "--listen", "127.0.0.1:0"}), 1,
                directory.path());
  EXPECT_FALSE(std::filesystem::exists(directory.path() + "/log"));
}

TEST(Start, ADirectoryThatCannotBeWrittenIsRefused) {
  ExpectOneLine(RunTriplad({"--data-dir", "/proc/tripla", "--listen", "127.0.0.1:0"}), 1,
                "give it the right to, or name another data directory");
}

TEST(Start, TheSecondServerOnADirectorySaysWhoHoldsIt) {
  const TemporaryDirectory directory;
  TestServer first(directory.path());
  const Ended second = RunTriplad({"--data-dir", directory.path(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(second.exit_code, 1);
  const std::string holder = "held by process " + std::to_string(first.process().pid());
  EXPECT_NE(second.output.find(holder + "; waiting up to 5 s"), std::string::npos) << second.output;
  EXPECT_NE(second.output.find(holder + ": end that one first"), std::string::npos)
      << second.output;
  EXPECT_EQ(std::count(second.output.begin(), second.output.end(), '\n'), 2) << second.output;
}

TEST(Start, APortInUseIsSaid) {
  const TemporaryDirectory directory;
  TestServer first(directory.path() + "/first");
  ExpectOneLine(
      RunTriplad({"--data-dir", directory.path() + "/second", "--listen", first.endpoint()}), 1,
      "Address already in use; stop what listens there");
}

TEST(Start, AnAddressOfNoMachineIsNotSaidToBeInUse) {
  const TemporaryDirectory directory;
  ExpectOneLine(RunTriplad({"--data-dir", directory.path(), "--listen", "203.0.113.9:7420"}), 1,
                "Cannot assign requested address; choose another address with --listen");
}

TEST(Start, ANewDirectoryIsMadeReadyWithItsParents) {
  const TemporaryDirectory directory;
  TestServer server(directory.path() + "/a/b/c");
  EXPECT_EQ(Set(server.stub(), "1", 0, "a").reply.result(), v1::SUCCESS);
  server.Stop();
}

// It took ten seconds every few times.
TEST(Stop, AfterALargeValueIsAsQuickAsAnyOther) {
  const std::string large(9 << 20, 'x');
  for (int round = 0; round < 8; ++round) {
    TemporaryDirectory directory;
    TestServer server(directory.path());
    ASSERT_TRUE(Set(server.stub(), "1", 0, large).status.ok());
    ASSERT_TRUE(TestAndSet(server.stub(), "1", 1, 0, "small").status.ok());
    const auto begun = std::chrono::steady_clock::now();
    server.Stop();
    EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << round;
  }
}

TEST(Stop, BothSignalsEndWithZero) {
  for (const int signal : {SIGTERM, SIGINT}) {
    const TemporaryDirectory directory;
    TestServer server(directory.path());
    Set(server.stub(), "1", 0, "a");
    server.process().Signal(signal);
    EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
  }
}

TEST(Stop, WhatWasAcknowledgedIsThereAfterAStop) {
  const TemporaryDirectory directory;
  for (const char* policy : {"always", "interval:50ms", "never"}) {
    {
      TestServer server(directory.path(), {"--fsync", policy});
      Set(server.stub(), "1", 7, policy);
      server.Stop();
    }
    TestServer server(directory.path());
    EXPECT_EQ(Get(server.stub(), "1").reply.value().timestamp(), 7);
    server.Stop();
  }
}

TEST(Stop, WritesInFlightAreAnsweredTruly) {
  const TemporaryDirectory directory;
  std::map<int, CallAnswer> answers;
  {
    TestServer server(directory.path());
    std::atomic<int> sent = 0;
    std::vector<std::thread> clients;
    Mutex mutex;
    for (int client = 0; client < 8; ++client) {
      clients.emplace_back([&] {
        CallAnswer answer;
        while (answer.status.ok()) {
          const int key = ++sent;
          answer = Set(server.stub(), std::to_string(key), 0, "a");
          MutexLock lock(mutex);
          answers[key] = answer;
        }
      });
    }
    while (sent < 1000) std::this_thread::yield();
    server.process().Signal(SIGTERM);
    EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
    for (std::thread& client : clients) client.join();
  }
  TestServer server(directory.path());
  for (const auto& [key, answer] : answers) {
    const v1::Result found = Get(server.stub(), std::to_string(key)).reply.result();
    if (answer.status.ok()) {
      EXPECT_EQ(found, v1::SUCCESS) << key << " was acknowledged";
    } else if (answer.applied() == v1::Undecided::NO) {
      EXPECT_EQ(found, v1::ERROR) << key << " was refused";
    }
  }
}

TEST(Stop, ASecondSignalEndsAtOnce) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  // A call whose message never ends, for which the first signal waits a second.
  const RawConnection connection(server.endpoint());
  ASSERT_TRUE(connection.Send(Http2Greeting(65'535) + CallHeaders("/tripla.v1.KeyValue/Set", 1) +
                              CallMessage("\x0a\x01\x07", 100, 1)));
  ASSERT_TRUE(connection.AwaitRead());
  server.process().Signal(SIGTERM);
  server.process().AwaitOutput("stopping");
  // One that comes within 200 ms counts as the first.
  std::atomic<bool> ended = false;
  std::thread again([&] {
    while (!ended) {
      kill(server.process().pid(), SIGTERM);
      std::this_thread::yield();
    }
  });
  server.process().AwaitOutput("second signal");
  ended = true;
  again.join();
  EXPECT_EQ(server.process().Wait(), 1);
}

TEST(Stop, WithLogOffAStopWritesALastImage) {
  const TemporaryDirectory directory;
  {
    TestServer server(directory.path(), {"--log", "off", "--snapshot-interval", "0"});
    Set(server.stub(), "1", 7, "a");
    server.Stop();
  }
  TestServer server(directory.path(), {"--log", "off"});
  EXPECT_EQ(Get(server.stub(), "1").reply.value().timestamp(), 7);
}

}  // namespace
}  // namespace tripla
