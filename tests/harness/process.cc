// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/check.h"

extern char** environ;

namespace tripla {
namespace {

constexpr std::chrono::minutes kPatience{1};

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Process::Process(std::vector<std::string> argv, std::vector<std::string> environment) {
  for (char** variable = environ; *variable != nullptr; ++variable)
    environment.push_back(*variable);
  const std::vector<char*> arguments = Pointers(argv);
  const std::vector<char*> variables = Pointers(environment);
  int pipe_ends[2];
  TRIPLA_CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0, "no pipe for the child's output");
  pid_ = fork();
  TRIPLA_CHECK(pid_ >= 0, "cannot fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that crashes leaves no servers behind
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(pipe_ends[1], STDERR_FILENO);
    execve(arguments[0], arguments.data(), variables.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  collector_ = std::thread([this, pipe = pipe_ends[0]] { Collect(pipe); });
}

Process::~Process() {
  Kill();
  collector_.join();
}

void Process::Collect(int pipe) {
  char buffer[4096];
  ssize_t count;
  while ((count = read(pipe, buffer, sizeof(buffer))) > 0) {
    MutexLock lock(mutex_);
    output_.append(buffer, count);
    changed_.NotifyAll();
  }
  close(pipe);
  MutexLock lock(mutex_);
  closed_ = true;
  changed_.NotifyAll();
}

std::string Process::AwaitOutput(const std::string& text) {
  if (std::optional<std::string> rest = AwaitOutputOrEnd(text)) return *std::move(rest);
  ADD_FAILURE() << "never printed \"" << text << "\"; it printed:\n" << output();
  return "";
}

std::optional<std::string> Process::AwaitOutputOrEnd(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  MutexLock lock(mutex_);
  while (true) {
    const size_t found = output_.find(text);
    const size_t line_end = found == std::string::npos ? found : output_.find('\n', found);
    if (line_end != std::string::npos) {
      return output_.substr(found + text.size(), line_end - found - text.size());
    }
    if (closed_ || std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    changed_.WaitUntil(mutex_, deadline);
  }
}

void Process::Signal(int signal) const {
  if (!ended_) kill(pid_, signal);
}

int Process::Wait() {
  if (!ended_) {
    int status = 0;
    TRIPLA_CHECK(waitpid(pid_, &status, 0) == pid_, "cannot wait for the child");
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    ended_ = true;
    MutexLock lock(mutex_);
    while (!closed_) changed_.Wait(mutex_);
  }
  return exit_code_;
}

bool Process::HasEnded() const {
  if (ended_) return true;
  siginfo_t info{};
  TRIPLA_CHECK(waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0,
               "cannot look at the child");
  return info.si_pid == pid_;
}

void Process::Kill() {
  Signal(SIGKILL);
  Wait();
}

std::string Process::output() const {
  MutexLock lock(mutex_);
  return output_;
}

uint64_t Process::PeakResidentBytes() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; status >> word;) {
    uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes * 1024;
  }
  ADD_FAILURE() << "process " << pid_ << " has no memory: it is gone";
  return 0;
}

uint64_t Process::ResidentBytes() const {
  std::ifstream statm("/proc/" + std::to_string(pid_) + "/statm");
  uint64_t pages = 0;
  uint64_t resident = 0;
  EXPECT_TRUE(statm >> pages >> resident) << "process " << pid_ << " is gone";
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

TemporaryDirectory::TemporaryDirectory() {
  std::string path = (std::filesystem::temp_directory_path() / "tripla-test-XXXXXX").string();
  TRIPLA_CHECK(mkdtemp(path.data()) != nullptr, "no temporary directory");
  path_ = path;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::vector<std::string> InShell(const std::string& before,
                                 const std::vector<std::string>& command) {
  std::string line = before + "; exec";
  for (const std::string& word : command) line += " " + word;
  return {"/bin/sh", "-c", line};
}

std::string ProgramPath(const std::string& name) { return std::string(TRIPLA_BIN) + "/" + name; }

}  // namespace tripla
