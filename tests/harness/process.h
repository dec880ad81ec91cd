// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

// Whether the programs are built with a sanitizer, which needs terabytes of address space and
// descriptors of its own: their limits say nothing then.
inline constexpr bool kSanitized = TRIPLA_SANITIZED;

// A child process whose standard error (and output) is collected while it runs.
//
// Thread-safety: one thread at a time; output() and AwaitOutput() beside it from any.
class Process {
 public:
  // Starts `argv`; `environment` holds NAME=VALUE added to this process's own.
  explicit Process(std::vector<std::string> argv, std::vector<std::string> environment = {});
  // Kills what still runs.
  ~Process();

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Waits until the output contains `text`, and returns the rest of that line behind it. Fails the
  // test and returns "" when the process ends, or a minute passes, before that.
  std::string AwaitOutput(const std::string& text);

  // The same, for a process that may end instead: nullopt then.
  std::optional<std::string> AwaitOutputOrEnd(const std::string& text);

  void Signal(int signal) const;

  // Waits for the end. Returns the exit code, or minus the signal that ended it.
  int Wait();

  // Whether it has ended, by itself or by a signal.
  [[nodiscard]] bool HasEnded() const;

  // SIGKILL, and waits.
  void Kill();

  // What it has printed so far.
  std::string output() const;
  pid_t pid() const { return pid_; }
  // The most memory that it ever had resident.
  uint64_t PeakResidentBytes() const;
  // What it has resident now.
  uint64_t ResidentBytes() const;

 private:
  void Collect(int pipe);

  pid_t pid_ = -1;
  bool ended_ = false;
  int exit_code_ = 0;
  mutable Mutex mutex_;
  Condition changed_;
  std::string output_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread collector_;
};

// A directory for one test, removed with all it holds.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A shell that runs `before`, for example "umask 000" or ":", and then becomes `command`. The shell
// reads its words, so they may redirect.
std::vector<std::string> InShell(const std::string& before,
                                 const std::vector<std::string>& command);

// The program NAME of this build, for example "triplad".
std::string ProgramPath(const std::string& name);

}  // namespace tripla
