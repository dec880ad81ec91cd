// SPDX-License-Identifier: Apache-2.0
#include "cli/stop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/check.h"
#include "cli/exit_code.h"

namespace tripla::cli {
namespace {

// A signal handler reaches nothing else than what is global.
std::atomic<bool> stop_asked{false};
std::atomic<int> stop_event{-1};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "a signal handler may not wait for a lock");

void OnSignal(int /*signal*/) {
  if (stop_asked.exchange(true)) _exit(static_cast<int>(ExitCode::kInterrupted));
  const int error = errno;  // of the call that the signal came into
  const uint64_t one = 1;
  // A counter that was 0 takes it.
  if (write(stop_event, &one, sizeof(one)) < 0) _exit(static_cast<int>(ExitCode::kInterrupted));
  errno = error;
}

bool IsIgnored(int signal) {
  struct sigaction now {};
  return sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_IGN;
}

}  // namespace

void WatchForStop() {
  stop_event = eventfd(0, EFD_CLOEXEC);
  TRIPLA_CHECK(stop_event >= 0, "a file descriptor is free");
  struct sigaction action {};
  action.sa_handler = &OnSignal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    if (signal == SIGHUP && IsIgnored(signal)) continue;
    TRIPLA_CHECK(sigaction(signal, &action, nullptr) == 0, "a valid signal and handler");
  }
}

bool StopAsked() { return stop_asked.load(); }

int StopEvent() { return stop_event.load(); }

}  // namespace tripla::cli
