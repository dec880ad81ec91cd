// SPDX-License-Identifier: Apache-2.0
// What each program takes for granted of the process that it runs in, and may not: that its
// standard streams are open and take what is written, that there is memory, and that threads can be
// started.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/test_cluster.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

namespace fs = std::filesystem;

std::string TextOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Ended {
  int exit_code;
  std::string output;
};
Ended RunInShell(const std::string& command, const std::string& redirections) {
  Process process(InShell(":", {command, redirections}));
  const int exit_code = process.Wait();
  return {exit_code, process.output()};
}

// All sets of closed standard streams, as a shell closes them.
struct Closed {
  std::string redirections;
  bool output = false;
};
std::vector<Closed> AllSetsOfClosedStreams() {
  std::vector<Closed> sets;
  for (int set = 0; set < 8; ++set) {
    sets.push_back({.redirections = std::string((set & 1) != 0 ? " 0<&-" : "") +
                                    ((set & 2) != 0 ? " 1>&-" : "") +
                                    ((set & 4) != 0 ? " 2>&-" : ""),
                    .output = (set & 2) != 0});
  }
  return sets;
}

// What stands behind a descriptor of a process.
std::string DescriptorOf(const Process& process, int descriptor) {
  return fs::read_symlink(fmt::format("/proc/{}/fd/{}", process.pid(), descriptor)).string();
}

class Programs : public testing::Test {
 protected:
  // Prints something, and the exit code of it.
  struct Command {
    std::string words;
    int exit_code = 0;
    int output_lost = 1;  // the exit code when standard output takes nothing
  };

  // A short run of each program, against `server` and the directory of one that has stopped.
  std::vector<Command> CommandsFor(const std::string& server) const {
    const std::string& bin = ProgramPath("");
    return {
        {.words = bin + "triplad --help"},
        {.words = bin + "triplad --version"},
        {.words = bin + "tripla --help"},
        {.words = bin + "tripla --server " + server + " get 5", .exit_code = 3},
        {.words = bin + "tripla --server " + server + " status"},
        {.words = bin + "tripla-check --help", .output_lost = 2},
        {.words = bin + "tripla-check all --list", .output_lost = 2},
        {.words = bin + "tripla-check api --claim R6 -e " + server, .output_lost = 2},
        {.words = bin + "tripla-verify --help"},
        {.words = bin + "tripla-verify " + sound_},
        {.words = bin + "tripla-verify --dump " + sound_},
        {.words = bin + "tripla-bench --help", .output_lost = 2},
        {.words = bin + "tripla-bench null --duration 100ms --warm-up 0", .output_lost = 2},
    };
  }

  // One of each program that ends by itself.
  std::vector<std::string> ShortCommands(const std::string& server) const {
    return {
        ProgramPath("tripla") + " --timeout 1s --server " + server + " get 5",
        ProgramPath("tripla-check") + " api --claim R6 --timeout 1s -e " + server,
        ProgramPath("tripla-verify") + " " + sound_,
        ProgramPath("tripla-bench") + " null --duration 100ms --warm-up 0",
    };
  }

  void SetUp() override {
    // More than a buffer of standard output holds is printed of it.
    TestServer server(sound_);
    for (int key = 0; key < 200; ++key) {
      ASSERT_TRUE(Set(server.stub(), std::to_string(key), 0, std::string(100, 'x')).status.ok());
    }
    server.Stop();
  }

  const TemporaryDirectory directory_;
  const std::string sound_ = directory_.path() + "/sound";
};

TEST_F(Programs, EndAsAlwaysWhateverStandardStreamsAreClosed) {
  TestServer server(directory_.path() + "/data");
  for (const Command& command : CommandsFor(server.endpoint())) {
    for (const Closed& closed : AllSetsOfClosedStreams()) {
      const Ended ended = RunInShell(command.words, closed.redirections);
      EXPECT_EQ(ended.exit_code, closed.output ? command.output_lost : command.exit_code)
          << command.words << closed.redirections << ": " << ended.output;
    }
  }
  server.Stop();
}

TEST_F(Programs, SayWhenStandardOutputTakesNothing) {
  TestServer server(directory_.path() + "/data");
  for (const Command& command : CommandsFor(server.endpoint())) {
    const Ended ended = RunInShell(command.words, ">/dev/full");
    EXPECT_EQ(ended.exit_code, command.output_lost) << command.words << ": " << ended.output;
    EXPECT_NE(ended.output.find("standard output cannot be written"), std::string::npos)
        << command.words << ": " << ended.output;
  }
  server.Stop();
}

TEST_F(Programs, GoOnWhenStandardErrorTakesNothing) {
  for (const char* program :
       {"triplad", "tripla", "tripla-check", "tripla-verify", "tripla-bench"}) {
    EXPECT_EQ(RunInShell(ProgramPath(program) + " --no-such-flag", "2>/dev/full").exit_code, 2)
        << program;
  }
  TestServer server(directory_.path() + "/data");
  for (const Command& command : CommandsFor(server.endpoint())) {
    const Ended ended = RunInShell(command.words, "2>/dev/full");
    EXPECT_EQ(ended.exit_code, command.exit_code) << command.words << ": " << ended.output;
  }
  server.Stop();
}

TEST_F(Programs, WriteNoMessageIntoAFileThatTheyOpen) {
  TestServer server(directory_.path() + "/data");
  const std::string junit = directory_.path() + "/junit.xml";
  const std::string check = fmt::format("{} api --claim R6 -e {} --junit {}",
                                        ProgramPath("tripla-check"), server.endpoint(), junit);
  EXPECT_EQ(RunInShell(check, "2>&-").exit_code, 0);
  EXPECT_TRUE(TextOf(junit).starts_with("<?xml")) << TextOf(junit);
  EXPECT_EQ(TextOf(junit).find("seed "), std::string::npos) << TextOf(junit);
  server.Stop();
}

// S1: descriptor 2 was the log, and messages overwrote it.
TEST_F(Programs, AServerKeepsItsDataWhateverStandardStreamsAreClosed) {
  for (const Closed& closed : AllSetsOfClosedStreams()) {
    SCOPED_TRACE("closed:" + closed.redirections);
    const TemporaryDirectory directory;
    const std::string data = directory.path() + "/data";
    for (const char* key : {"1", "2", "3"}) {
      const std::string endpoint = "127.0.0.1:" + std::to_string(FreePort());
      Process process(InShell(":", {ProgramPath("triplad"), "--data-dir", data, "--listen",
                                    endpoint, "--verbosity debug", closed.redirections}));
      AwaitTrue(
          [&] { return Set(*v1::KeyValue::NewStub(Connect(endpoint)), key, 7, "a").status.ok(); },
          [&] { return "no server on " + endpoint; });
      for (const int descriptor : {0, 1, 2}) {
        const std::string is = DescriptorOf(process, descriptor);
        EXPECT_FALSE(is.starts_with(data)) << descriptor << " is " << is;
        // Not a descriptor that a library opened before main() either.
        const bool is_closed =
            closed.redirections.find(fmt::format(" {}", descriptor)) != std::string::npos;
        if (is_closed && !kSanitized) {
          EXPECT_EQ(is, "/dev/null") << descriptor;
        }
      }
      EXPECT_EQ(TextOf(data + "/lock"), std::to_string(process.pid()) + "\n");
      process.Signal(SIGTERM);
      EXPECT_EQ(process.Wait(), 0);
    }
    TestServer server(data);
    for (const char* key : {"1", "2", "3"}) {
      EXPECT_EQ(Get(server.stub(), key).reply.value().timestamp(), 7) << key;
    }
    server.Stop();
  }
}

TEST_F(Programs, SayInTheirOwnWordsThatAFlagIsGivenTwice) {
  const std::string servers = " is given 2 times; give it once, with commas between: HOST:PORT,...";
  const std::string once = " is given 2 times; give it once;";
  for (const auto& [words, said] : std::vector<std::pair<std::string, std::string>>{
           {"tripla -e a:1 -e b:1 get 1", "--endpoints" + servers},
           {"tripla-check api -e a:1 -e b:1", "--endpoints" + servers},
           {"tripla-bench get -e a:1 -e b:1", "--endpoints" + servers},
           {"triplad --data-dir a --data-dir b", "--data-dir" + once},
           {"triplad init --data-dir a --data-dir b", "--data-dir" + once},
           {"tripla-verify . -o json -o json", "--output" + once}}) {
    const Ended ended = RunInShell(ProgramPath(words), "");
    EXPECT_EQ(ended.exit_code, 2) << words;
    EXPECT_NE(ended.output.find(said), std::string::npos) << words << ": " << ended.output;
  }
}

// "Resource temporarily unavailable" was the reason, of whatever call.
TEST_F(Programs, SayThatStandardInputIsClosed) {
  if (kSanitized) GTEST_SKIP() << "before main() a sanitizer lets gRPC take the closed descriptor";
  for (const char* words : {"tripla", "tripla set 1 -", "tripla batch -"}) {
    const Ended ended = RunInShell(ProgramPath(words), "0<&-");
    EXPECT_NE(ended.exit_code, 0) << words;
    EXPECT_NE(ended.output.find("cannot read standard input: it is closed"), std::string::npos)
        << words << ": " << ended.output;
  }
}

// So that a program that waits for ever fails the test, and does not hold it up.
std::string Bounded(const std::string& command) { return "timeout -s KILL 30 " + command; }

// S20: it ended with 134, and tripla-bench waited for ever for threads that gRPC did not get.
TEST_F(Programs, WithoutMemoryEndWithALine) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs terabytes of address space";
  TestServer server(directory_.path() + "/data");
  for (int kilobytes = 60'000; kilobytes <= 180'000; kilobytes += 20'000) {
    for (const std::string& command : ShortCommands(server.endpoint())) {
      Process process(InShell(fmt::format("ulimit -v {}", kilobytes), {Bounded(command)}));
      const int exit_code = process.Wait();
      // 127: the program itself cannot be loaded.
      EXPECT_TRUE(exit_code >= 0 && exit_code <= 127)
          << kilobytes << " " << command << ": " << exit_code << " " << process.output();
    }
  }
  server.Stop();
}

// tripla-bench waited for ever, as no deadline passes in gRPC without its threads.
TEST_F(Programs, WithoutAThreadEndWithALine) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer starts the threads itself";
  TestServer server(directory_.path() + "/data");
  for (const std::string& command : ShortCommands(server.endpoint())) {
    const auto is = [&](const char* name) { return command.find(name) != std::string::npos; };
    if (is("tripla-verify")) continue;  // starts none
    // 1 of tripla-check is a claim that fails; of tripla-bench that its null server got no thread.
    const auto failed = [&](int code) {
      return (code == 1 && !is("tripla-check")) ||
             (code == 2 && (is("tripla-check") || is("tripla-bench")));
    };
    bool goes_on = true;
    // Each one in turn is the first that is refused.
    for (int threads = 0; goes_on && threads < 40; ++threads) {
      Process process({"/bin/sh", "-c", "exec " + Bounded(command)},
                      {"LD_PRELOAD=" TRIPLA_FEW_THREADS, fmt::format("FEW_THREADS={}", threads)});
      const int exit_code = process.Wait();
      goes_on = failed(exit_code);
      EXPECT_TRUE(goes_on || exit_code == 0 || exit_code == 3) << command << ": " << exit_code;
      if (!goes_on) break;
      EXPECT_NE(process.output().find("no thread can be started; allow more"), std::string::npos)
          << threads << " " << command << ": " << process.output();
    }
    EXPECT_FALSE(goes_on) << command;
  }
  server.Stop();
}

TEST_F(Programs, WithAStrategyThatGrpcDoesNotKnowEndWithALine) {
  for (const char* words :
       {"triplad --data-dir never", "tripla get 5", "tripla-check api", "tripla-bench get"}) {
    for (const char* strategy : {"foo", "none"}) {
      Process process({"/bin/sh", "-c", "exec " + ProgramPath(words)},
                      {std::string("GRPC_POLL_STRATEGY=") + strategy});
      const int exit_code = process.Wait();
      EXPECT_TRUE(exit_code == 1 || exit_code == 2) << words << ": " << exit_code;
      EXPECT_NE(process.output().find("GRPC_POLL_STRATEGY"), std::string::npos)
          << words << ": " << process.output();
    }
  }
}

TEST_F(Programs, AServerWithoutAThreadEndsWithALine) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer starts the threads itself";
  int threads = 0;
  for (bool ready = false; !ready && threads < 40; ++threads) {
    const TemporaryDirectory directory;
    Process process({ProgramPath("triplad"), "--data-dir", directory.path() + "/data", "--listen",
                     "127.0.0.1:0"},
                    {"LD_PRELOAD=" TRIPLA_FEW_THREADS, fmt::format("FEW_THREADS={}", threads)});
    ready = process.AwaitOutputOrEnd("ready on ").has_value();
    if (ready) continue;
    EXPECT_EQ(process.Wait(), 1) << process.output();
    EXPECT_NE(process.output().find("no thread can be started; allow more"), std::string::npos)
        << process.output();
  }
  EXPECT_LT(threads, 40);
}

// tripla-bench was killed by SIGSEGV.
TEST_F(Programs, WorkWithASmallStack) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer makes frames larger";
  TestServer server(directory_.path() + "/data");
  for (const std::string& command : ShortCommands(server.endpoint())) {
    Process process(InShell("ulimit -s 128", {Bounded(command)}));
    const int exit_code = process.Wait();
    EXPECT_TRUE(exit_code == 0 || exit_code == 3) << command << ": " << process.output();
  }
  server.Stop();
}

// They ended with 134, and tripla-check called claims broken that hold.
TEST_F(Programs, WithFewDescriptorsEndWithALine) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs descriptors of its own";
  TestServer server(directory_.path() + "/data");
  std::vector<std::string> commands = ShortCommands(server.endpoint());
  commands.push_back(ProgramPath("triplad") + " --listen 127.0.0.1:0 --data-dir " + sound_);
  commands.push_back(ProgramPath("triplad") + " init --node n1 --cluster n1=a:1/a:2 --data-dir " +
                     directory_.path() + "/replica");
  for (int descriptors = 3; descriptors <= 16; ++descriptors) {
    for (const std::string& command : commands) {
      Process process(InShell(fmt::format("ulimit -n {}", descriptors), {Bounded(command)}));
      const int exit_code = process.Wait();
      const std::string said =
          fmt::format("{} {}: {} {}", descriptors, command, exit_code, process.output());
      if (exit_code == 127) continue;  // the program itself cannot be loaded
      if (command.find("tripla-verify") != std::string::npos && exit_code == 0) continue;
      EXPECT_EQ(exit_code, command.find("tripla-check") == std::string::npos ? 1 : 2) << said;
      EXPECT_NE(process.output().find("raise the limit (ulimit -n)"), std::string::npos) << said;
    }
  }
  server.Stop();
}

}  // namespace
}  // namespace tripla
