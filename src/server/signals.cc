// SPDX-License-Identifier: Apache-2.0
#include "server/signals.h"

#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/check.h"
#include "base/diagnostics.h"
#include "server/exit_code.h"

namespace tripla {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

void WaitForOne() {
  const sigset_t signals = StopSignals();
  int signal = 0;
  TRIPLA_CHECK(sigwait(&signals, &signal) == 0, "sigwait fails only for a bad signal set");
}

}  // namespace

void HoldStopSignals() {
  const sigset_t signals = StopSignals();
  TRIPLA_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0, "cannot block signals");
  std::signal(SIGPIPE, SIG_IGN);
}

void AwaitStopSignal() {
  WaitForOne();
  // Detached: it waits for a signal that usually never comes, and dies with the process.
  std::thread([] {
    WaitForOne();
    Say(Severity::kWarning, "a second signal: ending at once, without waiting for calls in flight");
    std::_Exit(static_cast<int>(ExitCode::kFailure));
  }).detach();
}

}  // namespace tripla
