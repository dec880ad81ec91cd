// SPDX-License-Identifier: Apache-2.0
//
// The program as a person meets it: on a terminal, with keys pressed and answers awaited.
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "client/fake_server.h"

namespace tripla::cli {
namespace {

constexpr std::string_view kPrompt = "> ";

enum class Input { kTerminal, kPipe };

// The program on a terminal of its own.
class Terminal {
 public:
  explicit Terminal(std::vector<std::string> arguments = {}, Input input = Input::kTerminal) {
    std::array<int, 2> pipe_ends{-1, -1};
    if (input == Input::kPipe && pipe(pipe_ends.data()) != 0) std::abort();
    arguments.insert(arguments.begin(), TRIPLA_PROGRAM);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const winsize size{.ws_row = 24, .ws_col = 100, .ws_xpixel = 0, .ws_ypixel = 0};
    pid_ = forkpty(&master_, nullptr, nullptr, &size);
    if (pid_ == 0) {
      if (input == Input::kPipe) dup2(pipe_ends[0], STDIN_FILENO);
      if (input == Input::kPipe) close(pipe_ends[1]);
      execv(argv[0], argv.data());
      _exit(127);
    }
    if (input == Input::kPipe) close(pipe_ends[0]);
    keys_ = input == Input::kPipe ? pipe_ends[1] : master_;
  }
  ~Terminal() {
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
    if (keys_ != master_) close(keys_);
    close(master_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void Type(std::string_view keys) const {
    EXPECT_EQ(write(keys_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size()));
  }

  // Reads on to the first `text` from here; what came before it.
  std::string Await(std::string_view text) {
    while (true) {
      if (const size_t found = screen_.find(text); found != std::string::npos) {
        std::string before = screen_.substr(0, found);
        screen_.erase(0, found + text.size());
        return before;
      }
      if (!ReadMore()) {
        ADD_FAILURE() << "no \"" << text << "\" in: " << screen_;
        return "";
      }
    }
  }

  // And until the shell itself takes the keys, which it shows before it does.
  std::string AwaitPrompt() {
    std::string before = Await(kPrompt);
    AwaitKeys();
    return before;
  }
  void AwaitKeys() const {
    termios mode{.c_lflag = ICANON};
    while ((mode.c_lflag & ICANON) != 0 && tcgetattr(master_, &mode) == 0) {
      std::this_thread::yield();
    }
  }

  void Interrupt() const { kill(pid_, SIGINT); }
  void Signal(int signal) const { kill(pid_, signal); }
  // Whether it takes whole lines and shows what is typed, as before the program.
  [[nodiscard]] bool IsRight() const {
    termios mode{};
    tcgetattr(master_, &mode);
    return (mode.c_lflag & ICANON) != 0 && (mode.c_lflag & ECHO) != 0;
  }

  // Awaits the end of the program.
  int ExitCode() {
    while (ReadMore()) {
    }
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& screen() const { return screen_; }

 private:
  bool ReadMore() {
    constexpr int kPatienceMs = 60'000;
    pollfd watched{master_, POLLIN, 0};
    if (poll(&watched, 1, kPatienceMs) <= 0) return false;
    std::array<char, 4096> bytes;
    const ssize_t size = read(master_, bytes.data(), bytes.size());  // EIO once the program is gone
    if (size > 0) screen_.append(bytes.data(), static_cast<size_t>(size));
    return size > 0;
  }

  pid_t pid_ = -1;
  int master_ = -1;
  int keys_ = -1;
  std::string screen_;  // not awaited yet
};

constexpr char kControlC = '\x03';
constexpr char kControlD = '\x04';
constexpr char kControlR = '\x12';
constexpr std::string_view kUp = "\x1b[A";
constexpr std::string_view kPasteBegins = "\x1b[200~";
constexpr std::string_view kPasteEnds = "\x1b[201~";

std::string Pasted(std::string_view text) {
  return std::string(kPasteBegins) + std::string(text) + std::string(kPasteEnds);
}

class TerminalTest : public testing::Test {
 protected:
  void SetUp() override {
    home_ = std::filesystem::path(testing::TempDir()) /
            (std::string("tripla_terminal_") +
             testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(home_);
    std::filesystem::create_directories(home_);
    setenv("HOME", home_.c_str(), 1);
    setenv("TERM", "xterm", 1);
    setenv("TRIPLA_ENDPOINTS", server_.endpoint().c_str(), 1);
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  void AwaitCall() const {
    while (!waiting_) std::this_thread::yield();
  }

  std::atomic<bool> waiting_ = false;
  // Answers reads, and lets writes wait until they are given up.
  FakeServer server_{[this](grpc::ServerContext& context, const v1::Operation& request,
                            v1::Reply& reply, int /*attempt*/) {
    waiting_ = request.has_set();
    if (request.has_set()) AwaitCancelled(context);
    reply.set_result(v1::ERROR);
    return grpc::Status::OK;
  }};
  std::filesystem::path home_;
};

TEST_F(TerminalTest, TheShellAnswersAndLeavesAtControlD) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("get 1\r");
  terminal.Await("ERROR  NULL  revision 0\r\n");
  terminal.AwaitPrompt();
  terminal.Type({&kControlD, 1});
  EXPECT_EQ(terminal.ExitCode(), 0);
}

TEST_F(TerminalTest, IsPutRightByTheSignalsThatEndTheShell) {
  for (const int signal : {SIGABRT, SIGALRM, SIGPROF, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM}) {
    Terminal terminal;
    terminal.AwaitPrompt();
    ASSERT_FALSE(terminal.IsRight());
    terminal.Signal(signal);
    EXPECT_EQ(terminal.ExitCode(), -1) << strsignal(signal);
    EXPECT_TRUE(terminal.IsRight()) << strsignal(signal);
  }
}

TEST_F(TerminalTest, TimingStandsBehindTheAnswer) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("\\timing\r");
  terminal.Await("timing is on");
  terminal.AwaitPrompt();
  terminal.Type("get 1\r");
  terminal.Await("ERROR  NULL");
  EXPECT_NE(terminal.Await(" ms\r\n").find("time "), std::string::npos);
  terminal.AwaitPrompt();
  terminal.Type("\\q\r");
  EXPECT_EQ(terminal.ExitCode(), 0);
}

TEST_F(TerminalTest, TabCompletesVerbsAndShowsChoices) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("\t");
  EXPECT_NE(terminal.AwaitPrompt().find("get  set  del  cas"), std::string::npos);
  terminal.Type("g\t7\r");  // "get 7"
  terminal.Await("ERROR  NULL");
  EXPECT_EQ(server_.received().size(), 1u);
}

TEST_F(TerminalTest, FormerLinesAreFoundAlsoByTheNextShell) {
  {
    Terminal terminal;
    terminal.AwaitPrompt();
    for (const char* line : {"get 11\r", "get 22\r"}) {
      terminal.Type(line);
      terminal.Await("ERROR  NULL");
      terminal.AwaitPrompt();
    }
    terminal.Type("\\q\r");
    EXPECT_EQ(terminal.ExitCode(), 0);
  }
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type(std::string(kUp) + std::string(kUp) + "\r");  // over \q
  terminal.Await("ERROR  NULL");
  EXPECT_EQ(server_.received().back().get().key(), "\x16");
  terminal.AwaitPrompt();
  terminal.Type(kControlR + std::string("11\r\r"));  // ends the search, then takes the line
  terminal.Await("ERROR  NULL");
  EXPECT_EQ(server_.received().back().get().key(), "\x0b");
  const auto file = std::filesystem::status(home_ / ".local/state/tripla/history");
  EXPECT_EQ(file.permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(TerminalTest, S7_AHistoryThatCannotBeReadIsSaidAndLeftAsItIs) {
  const std::filesystem::path file = home_ / ".local/state/tripla/history";
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file) << "no history of ours";
  Terminal terminal;
  terminal.Await("former lines are not kept: ");
  terminal.AwaitPrompt();
  terminal.Type("get 1\r");
  terminal.Await("ERROR  NULL");
  terminal.AwaitPrompt();
  terminal.Type("\\q\r");
  EXPECT_EQ(terminal.ExitCode(), 0);
  std::string kept;
  std::getline(std::ifstream(file), kept);
  EXPECT_EQ(kept, "no history of ours");
}

TEST_F(TerminalTest, ControlCGivesUpTheLineAndTheShellStays) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("set 1 never");
  terminal.Await("never");
  terminal.Type({&kControlC, 1});
  terminal.Await("^C");
  terminal.AwaitPrompt();
  terminal.Type("get 1\r");
  terminal.Await("ERROR  NULL");
  EXPECT_EQ(server_.received().size(), 1u);
}

TEST_F(TerminalTest, S19_ThePromptSaysWhereOneIs) {
  Terminal terminal;
  terminal.Await("tripla " + server_.endpoint() + "> ");
  Terminal of_many({"-e", "127.0.0.1:1," + server_.endpoint()});
  of_many.Await("tripla 127.0.0.1:1 +1> ");
}

TEST_F(TerminalTest, S19_AStatementGoesOnWhileItsQuoteIsOpen) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("cas 22 \"line1\r");
  terminal.Await("\"> ");
  terminal.Type("line2\" --version 1\r");
  terminal.Await("ERROR  NULL");
  ASSERT_EQ(server_.received().size(), 1u);
  EXPECT_EQ(server_.received()[0].test_and_set().value().data(), "line1\nline2");
  terminal.AwaitPrompt();
  terminal.Type(std::string(kUp) + "\r");  // both lines come back as one
  terminal.Await("ERROR  NULL");
  EXPECT_EQ(server_.received().back().test_and_set().value().data(), "line1\nline2");
}

TEST_F(TerminalTest, S19_ControlCGivesUpAnOpenStatement) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("cas 22 'line1\r");
  terminal.Await("'> ");
  terminal.Type({&kControlC, 1});
  terminal.Await("^C");
  terminal.AwaitPrompt();
  terminal.Type("get 1\r");
  terminal.Await("ERROR  NULL");
  EXPECT_EQ(server_.received().size(), 1u);
}

TEST_F(TerminalTest, S19_AnOpenStatementAtTheEndIsSaidAndNotRun) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("cas 22 'line1\r");
  terminal.Await("'> ");
  terminal.AwaitKeys();
  terminal.Type({&kControlD, 1});
  terminal.Await("the last statement was not run: its quote is not closed");
  EXPECT_EQ(terminal.ExitCode(), 2);
  EXPECT_TRUE(server_.received().empty());
}

TEST_F(TerminalTest, S19_PastedLinesAreNotRunBeforeEnter) {
  Terminal terminal;
  terminal.Await("\x1b[?2004h");  // the terminal is asked to mark what is pasted
  terminal.AwaitPrompt();
  terminal.Type(Pasted("get 1\rget 2\r"));
  terminal.Await("get 2");
  terminal.Type({&kControlC, 1});
  terminal.Await("^C");
  terminal.AwaitPrompt();
  EXPECT_TRUE(server_.received().empty());
  terminal.Type(Pasted("get 1\rget 2") + "\r");
  terminal.Await("ERROR  NULL");
  terminal.Await("ERROR  NULL");
  terminal.AwaitPrompt();
  EXPECT_EQ(server_.received().size(), 2u);
}

// They were dropped or replaced, and other data than was typed would have been stored.
TEST_F(TerminalTest, WhatIsNoTextIsNotRun) {
  using std::string_view_literals::operator""sv;
  Terminal terminal;
  terminal.AwaitPrompt();
  for (const std::string_view data : {"\"a\0b\""sv, "\"a\xff\""sv, "\xc3("sv, "\"a\rb\0c\""sv}) {
    const bool many_lines = data.find('\r') != std::string_view::npos;
    terminal.Type("set 1 " + (many_lines ? Pasted(data) : std::string(data)) + "\r");
    terminal.Await("this was not run: it has a NUL byte or bytes that are not UTF-8");
    terminal.AwaitPrompt();
  }
  EXPECT_TRUE(server_.received().empty());
  // A person may remove them, or mean the character that stands for them.
  terminal.Type("cas 1 a\xff\x7f --version 1\r");
  terminal.Await("ERROR  NULL");
  terminal.AwaitPrompt();
  terminal.Type("cas 1 \xef\xbf\xbd --version 1\r");
  terminal.Await("ERROR  NULL");
  ASSERT_EQ(server_.received().size(), 2u);
  EXPECT_EQ(server_.received()[0].test_and_set().value().data(), "a");
  EXPECT_EQ(server_.received()[1].test_and_set().value().data(), "\xef\xbf\xbd");
}

TEST_F(TerminalTest, ALineEndOfTwoBytesInPastedDataIsOne) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("cas 1 " + Pasted("'a\r\nb\n\nc\r\rd\r\n'") + " --version 1\r");
  terminal.Await("ERROR  NULL");
  ASSERT_EQ(server_.received().size(), 1u);
  EXPECT_EQ(server_.received()[0].test_and_set().value().data(), "a\nb\n\nc\n\nd\n");
}

TEST_F(TerminalTest, S19_PastedDataKeepsItsLineEndsAndTabs) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("cas 22 " + Pasted("\"line1\rli\tne2\r\"") + " --version 1\r");
  terminal.Await("ERROR  NULL");
  ASSERT_EQ(server_.received().size(), 1u);
  EXPECT_EQ(server_.received()[0].test_and_set().value().data(), "line1\nli\tne2\n");
}

TEST_F(TerminalTest, S19_TabCompletesFilesOfData) {
  std::ofstream(home_ / "photo.jpg") << "pixels";
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("cas 1 @" + home_.string() + "/ph\t--version 1\r");
  terminal.Await("ERROR  NULL");
  ASSERT_EQ(server_.received().size(), 1u);
  EXPECT_EQ(server_.received()[0].test_and_set().value().data(), "pixels");
}

TEST_F(TerminalTest, S19_SaysWhatWasProbablyMeant) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("GTE 1\r");
  terminal.Await("tripla: \"GTE\" is no verb; did you mean get KEY");
  terminal.AwaitPrompt();
  terminal.Type("GET 1;\r");
  terminal.Await("ERROR  NULL");
}

TEST_F(TerminalTest, S19_AfterSetOfAPresentKeyAHintNamesCas) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int) {
    reply.set_result(v1::ERROR);
    reply.mutable_value()->set_version(3);
    return grpc::Status::OK;
  });
  constexpr std::string_view kHint =
      "hint: 1 is present; cas replaces it: cas 1 DATA --version 3\r\n";
  Terminal alone({"set", "1", "lala", "-e", server.endpoint()});
  alone.Await(kHint);
  EXPECT_EQ(alone.ExitCode(), 3);
  Terminal shell({"-e", server.endpoint()});
  shell.AwaitPrompt();
  shell.Type("set 1 lala\r");
  shell.Await(kHint);
}

TEST_F(TerminalTest, S19_WithNobodyThereAPersonIsToldThatItTries) {
  const std::string nobody = server_.endpoint();
  server_.Stop();
  Terminal terminal({"get", "1", "-e", nobody, "--timeout", "1h"});
  terminal.Await("no answer yet from " + nobody + "; trying for 3600s in all, Ctrl-C ends it");
  terminal.Interrupt();
  EXPECT_EQ(terminal.ExitCode(), 130);
}

TEST_F(TerminalTest, ControlCGivesUpTheCallAndTheShellStays) {
  Terminal terminal;
  terminal.AwaitPrompt();
  terminal.Type("set 1 lala\r");
  AwaitCall();
  terminal.Type({&kControlC, 1});
  terminal.Await("tripla: set 1: interrupted; it may have been applied");
  terminal.AwaitPrompt();
  terminal.Type("get 1\r");
  terminal.Await("ERROR  NULL");
}

TEST_F(TerminalTest, AnInterruptedCallExitsWith130AndSaysWhatMayHaveHappened) {
  Terminal terminal({"set", "1", "lala"});
  AwaitCall();
  terminal.Interrupt();
  EXPECT_EQ(terminal.ExitCode(), 130);
  EXPECT_NE(terminal.screen().find("interrupted; it may have been applied"), std::string::npos)
      << terminal.screen();
}

TEST_F(TerminalTest, AnInterruptedScriptExitsWith130AndSaysThatNoCallWasRunning) {
  Terminal terminal({}, Input::kPipe);
  terminal.Type("get 1\n");
  terminal.Await("ERROR  NULL");
  terminal.Interrupt();
  EXPECT_EQ(terminal.ExitCode(), 130);
  EXPECT_NE(terminal.screen().find("interrupted; no call was running"), std::string::npos)
      << terminal.screen();
}

TEST_F(TerminalTest, ForeignControlBytesDoNotReachATerminal) {
  FakeServer server([](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int) {
    reply.set_result(v1::SUCCESS);
    reply.mutable_value()->set_data("\x1b[2J");
    return grpc::Status::OK;
  });
  for (const char* format : {"plain", "json", "table", "raw"}) {
    Terminal terminal({"get", "1", "-o", format, "--endpoints", server.endpoint()});
    EXPECT_EQ(terminal.ExitCode(), 0);
    EXPECT_EQ(terminal.screen().find('\x1b'), std::string::npos) << format << terminal.screen();
    EXPECT_FALSE(terminal.screen().empty());
  }
}

}  // namespace
}  // namespace tripla::cli
