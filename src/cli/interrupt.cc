// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cli/exit_code.h"

namespace tripla::cli {
namespace {

sigset_t InterruptSet() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  return set;
}

void Raise(int event) {
  const uint64_t one = 1;
  TRIPLA_CHECK(write(event, &one, sizeof(one)) == sizeof(one), "an event takes its count");
}

}  // namespace

void HoldInterrupts() {
  const sigset_t set = InterruptSet();
  TRIPLA_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0, "a valid set of signals");
}

InterruptWatch::InterruptWatch(Client& client, WhenIdle when_idle)
    : client_(client), when_idle_(when_idle) {
  const sigset_t set = InterruptSet();
  signals_ = signalfd(-1, &set, SFD_CLOEXEC);
  told_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  stop_ = eventfd(0, EFD_CLOEXEC);
  TRIPLA_CHECK(signals_ >= 0 && told_ >= 0 && stop_ >= 0, "three file descriptors are free");
  thread_ = std::thread([this] { Watch(); });
}

InterruptWatch::~InterruptWatch() {
  Raise(stop_);
  thread_.join();
  for (const int descriptor : {signals_, told_, stop_}) close(descriptor);
}

void InterruptWatch::Watch() {
  std::array<pollfd, 2> watched{pollfd{signals_, POLLIN, 0}, pollfd{stop_, POLLIN, 0}};
  while (true) {
    if (poll(watched.data(), watched.size(), -1) < 0) continue;
    if (watched[1].revents != 0) return;
    signalfd_siginfo signal;
    if (read(signals_, &signal, sizeof(signal)) == sizeof(signal)) OnInterrupt();
  }
}

void InterruptWatch::OnInterrupt() {
  if (client_.CancelCalls() > 0) return;
  if (when_idle_ == WhenIdle::kEndProgram) {
    constexpr std::string_view kSaid = "tripla: interrupted; no call was running\n";
    if (write(STDERR_FILENO, kSaid.data(), kSaid.size()) < 0) {
      // Then the message cannot be shown.
    }
    // Not exit(): other threads run, and all output has been written.
    _exit(static_cast<int>(ExitCode::kInterrupted));
  }
  Raise(told_);
}

}  // namespace tripla::cli
