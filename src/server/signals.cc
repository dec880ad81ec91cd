// SPDX-License-Identifier: Apache-2.0
#include "server/signals.h"

#include <fmt/core.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <thread>

#include "base/check.h"
#include "base/diagnostics.h"
#include "base/mutex.h"
#include "base/thread_name.h"
#include "server/exit_code.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

// timeout(1) and some service managers signal a process and then its group, so it gets the same
// signal twice.
constexpr std::chrono::milliseconds kSameOrder{200};

struct Order {
  Mutex mutex;
  Condition changed;
  bool starting ABSL_GUARDED_BY(mutex) = true;
  bool stop ABSL_GUARDED_BY(mutex) = false;
  Clock::time_point stop_time ABSL_GUARDED_BY(mutex);
};

// Never destroyed: the thread that waits for signals runs until the very end.
Order& TheOrder() {
  static Order& order = *new Order;
  return order;
}

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

// The signals for AwaitSignals(). SIGQUIT is not among them: on a replica Java handles it.
sigset_t TakenSignals() {
  sigset_t set = SetOf(
      {SIGTERM, SIGINT, SIGPWR, SIGXCPU, SIGHUP, SIGUSR1, SIGUSR2, SIGALRM, SIGIO, SIGSTKFLT});
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) sigaddset(&set, signal);
  return set;
}

std::string NameOf(const siginfo_t& signal) {
  const char* name = sigabbrev_np(signal.si_signo);
  std::string text = name != nullptr ? fmt::format("SIG{}", name)
                                     : fmt::format("SIGRTMIN+{}", signal.si_signo - SIGRTMIN);
  if (signal.si_code <= 0 && signal.si_pid > 0) {
    text += fmt::format(" from process {}", signal.si_pid);
  }
  return text;
}

void OrderStop(const siginfo_t& signal) {
  Order& order = TheOrder();
  MutexLock lock(order.mutex);
  if (order.starting) {
    Say(Severity::kInfo, "stopped before the start was done");
    std::_Exit(static_cast<int>(ExitCode::kDone));
  }
  if (!order.stop) {
    order.stop = true;
    order.stop_time = Clock::now();
    order.changed.NotifyAll();
    return;
  }
  const bool by_a_person = signal.si_signo == SIGTERM || signal.si_signo == SIGINT;
  if (!by_a_person || Clock::now() - order.stop_time < kSameOrder) return;
  Say(Severity::kWarning, "a second signal: ending at once, without waiting for calls in flight");
  std::_Exit(static_cast<int>(ExitCode::kFailure));
}

void OnSignal(const siginfo_t& signal) {
  switch (signal.si_signo) {
    case SIGPWR:
    case SIGXCPU:
      Say(Severity::kWarning,
          fmt::format("{}: {}", NameOf(signal),
                      signal.si_signo == SIGPWR ? "the machine's power is failing"
                                                : "the limit of processor time is reached"));
      return OrderStop(signal);
    case SIGTERM:
    case SIGINT:
      return OrderStop(signal);
    case SIGHUP:
      return Say(Severity::kWarning,
                 fmt::format("{}: settings cannot be reloaded while the server runs; it continues. "
                             "To change one, stop it with SIGTERM and start it again",
                             NameOf(signal)));
    case SIGQUIT:
      return Say(Severity::kWarning,
                 fmt::format("{}: only a replica can list Java's threads; the server continues. "
                             "SIGTERM stops it",
                             NameOf(signal)));
    default:
      return Say(
          Severity::kWarning,
          fmt::format("{} has no effect, the server continues; SIGTERM stops it", NameOf(signal)));
  }
}

// The thread is detached, because it waits until the process ends.
void AwaitSignals(const sigset_t& signals) {
  std::thread([signals] {
    NameThread("signals");
    while (true) {
      siginfo_t signal;
      if (sigwaitinfo(&signals, &signal) > 0) OnSignal(signal);
    }
  }).detach();
}

void Ignore(int signal) { std::signal(signal, SIG_IGN); }

// For signals that a profiler may use already, or later.
void IgnoreUnlessTaken(int signal) {
  struct sigaction now {};
  if (sigaction(signal, nullptr, &now) == 0 && now.sa_handler == SIG_DFL) Ignore(signal);
}

// The C library reserves the first two real-time signals, and its sigaction() refuses to set them.
// Until the library has set a handler, each of them would end the process.
void IgnoreThoseOfTheLibrary() {
  struct KernelAction {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    uint64_t mask;
  };
  constexpr int kFirstRealTimeSignal = 32;
  for (int signal = kFirstRealTimeSignal; signal < SIGRTMIN; ++signal) {
    KernelAction now{};
    const KernelAction ignored{.handler = SIG_IGN};
    const long read = syscall(SYS_rt_sigaction, signal, nullptr, &now, sizeof(now.mask));
    if (read != 0 || now.handler != SIG_DFL) continue;
    syscall(SYS_rt_sigaction, signal, &ignored, nullptr, sizeof(now.mask));
  }
}

}  // namespace

void TakeSignals() {
  sigset_t blocked = TakenSignals();
  sigaddset(&blocked, SIGQUIT);
  TRIPLA_CHECK(pthread_sigmask(SIG_BLOCK, &blocked, nullptr) == 0, "a valid set of signals");
  // Blocked signals still reach AwaitSignals(), and Java leaves ignored signals alone.
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) Ignore(signal);
  // Output to a terminal must not stop a server that runs in the background of its shell.
  for (const int signal : {SIGPIPE, SIGTTOU, SIGTTIN}) Ignore(signal);
  for (const int signal : {SIGPROF, SIGVTALRM}) IgnoreUnlessTaken(signal);
  IgnoreThoseOfTheLibrary();
  AwaitSignals(TakenSignals());
}

void StopInOrderFromNowOn() {
  Order& order = TheOrder();
  MutexLock lock(order.mutex);
  order.starting = false;
}

void AwaitStopSignal(bool is_replica) {
  if (!is_replica) AwaitSignals(SetOf({SIGQUIT}));
  Order& order = TheOrder();
  MutexLock lock(order.mutex);
  while (!order.stop) order.changed.Wait(order.mutex);
}

}  // namespace tripla
