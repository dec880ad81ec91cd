// SPDX-License-Identifier: Apache-2.0
// What each signal does to a server (docs/operating.md): it stops in order and loses nothing, also
// with --log off, or it says something and goes on.
#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/harness/test_cluster.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

struct Effect {
  int signal;
  bool stops;
  std::string said;  // part of a line
};

// All but those that no program chooses: KILL and STOP; those that are faults of the program
// itself; TSTP and CONT, with which a shell stops it and lets it go on.
std::vector<Effect> AllEffects() {
  std::vector<Effect> effects = {
      {SIGTERM, true, "stopping"},
      {SIGINT, true, "stopping"},
      {SIGPWR, true, "power is failing"},
      {SIGXCPU, true, "processor time is reached"},
      {SIGHUP, false, "settings cannot be reloaded while the server runs; it continues"},
      {SIGQUIT, false, "only a replica can list Java's threads; the server continues"},
      {SIGUSR1, false, "SIGUSR1 from process"},
      {SIGUSR2, false, "SIGUSR2 from process"},
      {SIGALRM, false, "has no effect, the server continues"},
      {SIGSTKFLT, false, "has no effect, the server continues"},
      {SIGIO, false, "has no effect, the server continues"},
  };
  for (const int ignored : {SIGPIPE, SIGXFSZ, SIGPROF, SIGVTALRM, SIGTTIN, SIGTTOU, SIGCHLD, SIGURG,
                            SIGWINCH, 32, 33}) {
    effects.push_back({ignored, false, ""});
  }
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) {
    effects.push_back({signal, false, fmt::format("SIGRTMIN+{}", signal - SIGRTMIN)});
  }
  return effects;
}

class Signals : public testing::TestWithParam<const char*> {
 protected:
  static std::vector<std::string> Flags() {
    return {"--log", GetParam(), "--snapshot-interval", "0"};
  }
};

TEST_P(Signals, EachStopsInOrderOrChangesNothing) {
  const TemporaryDirectory directory;
  int stops = 0;
  std::optional<TestServer> server;
  for (const Effect& effect : AllEffects()) {
    SCOPED_TRACE(strsignal(effect.signal));
    if (!server) server.emplace(directory.path(), Flags());
    const std::string key = std::to_string(effect.signal);
    ASSERT_EQ(Set(server->stub(), key, 7, "a").reply.result(), v1::SUCCESS)
        << server->process().output();
    server->process().Signal(effect.signal);
    if (!effect.said.empty()) server->process().AwaitOutput(effect.said);
    if (effect.stops) {
      EXPECT_EQ(server->process().Wait(), 0) << server->process().output();
      server.reset();
      ++stops;
      continue;
    }
    EXPECT_EQ(Get(server->stub(), key).reply.result(), v1::SUCCESS) << server->process().output();
  }
  EXPECT_EQ(stops, 4);
  if (!server) server.emplace(directory.path(), Flags());
  for (const Effect& effect : AllEffects()) {
    EXPECT_EQ(Get(server->stub(), std::to_string(effect.signal)).reply.value().timestamp(), 7)
        << strsignal(effect.signal);
  }
  server->Stop();
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutALog, Signals, testing::Values("on", "off"));

// A server that a shell starts with these words before it.
TEST(SignalsOfAShell, AHangupEndsNoServerThatIgnoresIt) {
  for (const char* before : {"trap '' HUP; exec", "exec nohup", "exec setsid", "exec"}) {
    const TemporaryDirectory directory;
    const std::string endpoint = "127.0.0.1:" + std::to_string(FreePort());
    Process process({"/bin/sh", "-c",
                     fmt::format("{} {} --data-dir {} --listen {}", before, ProgramPath("triplad"),
                                 directory.path(), endpoint)});
    process.AwaitOutput("ready on ");
    const auto stub = v1::KeyValue::NewStub(Connect(endpoint));
    process.Signal(SIGHUP);
    EXPECT_EQ(Set(*stub, "1", 7, "a").reply.result(), v1::SUCCESS) << before;
    process.Signal(SIGTERM);
    EXPECT_EQ(process.Wait(), 0) << before << process.output();
  }
}

// The far end of a terminal goes while a server runs on it, in the foreground of its session.
TEST(SignalsOfAShell, AClosedTerminalEndsNoServer) {
  const TemporaryDirectory directory;
  const std::string endpoint = "127.0.0.1:" + std::to_string(FreePort());
  const int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ASSERT_GE(terminal, 0);
  ASSERT_EQ(grantpt(terminal), 0);
  ASSERT_EQ(unlockpt(terminal), 0);
  const std::string name = ptsname(terminal);
  Process process({"/bin/sh", "-c",
                   fmt::format("exec setsid --ctty {} --data-dir {} --listen {} <{} >{} 2>&1",
                               ProgramPath("triplad"), directory.path(), endpoint, name, name)});
  AwaitTrue([&] { return Set(*v1::KeyValue::NewStub(Connect(endpoint)), "1", 7, "a").status.ok(); },
            [&] { return "no server on " + endpoint; });
  close(terminal);
  const auto stub = v1::KeyValue::NewStub(Connect(endpoint));
  for (int key = 2; key < 50; ++key) {
    ASSERT_TRUE(Set(*stub, std::to_string(key), 7, "a").status.ok()) << key;
  }
  process.Signal(SIGTERM);
  EXPECT_EQ(process.Wait(), 0);
}

// timeout(1) signals the process, and then its group with the process in it.
TEST(SignalsOfAShell, AnOrderToStopThatComesTwiceAtOnceIsOne) {
  const TemporaryDirectory directory;
  for (int round = 0; round < 10; ++round) {
    TestServer server(directory.path(), {"--log", "off", "--snapshot-interval", "0"});
    Set(server.stub(), std::to_string(round), 7, std::string(1 << 20, 'x'));
    server.process().Signal(SIGTERM);
    server.process().Signal(SIGTERM);
    EXPECT_EQ(server.process().Wait(), 0) << server.process().output();
  }
}

TEST(SignalsAtAStart, AnOrderToStopEndsAStartAtOnce) {
  const TemporaryDirectory directory;
  TestServer first(directory.path());
  Process second(TestServer::CommandLine(directory.path(), {}));
  second.AwaitOutput("waiting up to");
  second.Signal(SIGTERM);
  EXPECT_EQ(second.Wait(), 0) << second.output();
  EXPECT_NE(second.output().find("stopped before the start was done"), std::string::npos);
  first.Stop();
}

TEST(SignalsOfAReplica, QuitListsJavasThreadsAndNoOtherEndsIt) {
  if (!TRIPLA_RATIS) GTEST_SKIP() << "built without replicas";
  const TemporaryDirectory directory;
  TestCluster cluster(directory.path());
  const Process& process = cluster.process(0);
  for (const Effect& effect : AllEffects()) {
    if (!effect.stops) process.Signal(effect.signal);
  }
  cluster.process(0).AwaitOutput("Full thread dump");
  cluster.process(0).AwaitOutput("settings cannot be reloaded");
  EXPECT_TRUE(Set(cluster.stub(0), "1", 7, "a").status.ok()) << process.output();
  for (int number = 0; number < cluster.size(); ++number) cluster.Stop(number);
}

}  // namespace
}  // namespace tripla
