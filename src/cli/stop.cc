// SPDX-License-Identifier: Apache-2.0
#include "cli/stop.h"

#include <unistd.h>

#include <atomic>
#include <csignal>

#include "base/check.h"
#include "cli/exit_code.h"

namespace tripla::cli {
namespace {

// A signal handler reaches nothing else than what is global.
std::atomic<bool> stop_asked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not wait for a lock");

void OnSignal(int /*signal*/) {
  if (stop_asked.exchange(true)) _exit(static_cast<int>(ExitCode::kInterrupted));
}

}  // namespace

void WatchForStop() {
  struct sigaction action {};
  action.sa_handler = &OnSignal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM}) {
    TRIPLA_CHECK(sigaction(signal, &action, nullptr) == 0, "a valid signal and handler");
  }
}

bool StopAsked() { return stop_asked.load(); }

}  // namespace tripla::cli
