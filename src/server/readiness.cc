// SPDX-License-Identifier: Apache-2.0
#include "server/readiness.h"

#include <fmt/core.h>

#include <memory>
#include <utility>

#include "base/diagnostics.h"
#include "base/thread_name.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

// A slower read counts as failed: clients would not wait either.
constexpr std::chrono::seconds kPatience{3};
constexpr std::chrono::milliseconds kPeriodUntilReady{20};
constexpr std::chrono::milliseconds kPeriod{500};
// After that the reason of not being ready is printed once more.
constexpr std::chrono::seconds kLong{10};

}  // namespace

struct Readiness::Probe {
  Mutex mutex;
  Condition answered;
  std::optional<absl::Status> read ABSL_GUARDED_BY(mutex);
};

Readiness::Readiness(Log& log, std::string address, std::function<void(const absl::Status&)> looked)
    : log_(log),
      address_(std::move(address)),
      looked_(std::move(looked)),
      say_again_at_(Clock::now() + kLong),
      thread_([this] { Run(); }) {}

Readiness::~Readiness() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    stop_changed_.NotifyAll();
  }
  thread_.join();
}

void Readiness::Run() {
  NameThread("readiness");
  bool warm = false;
  while (true) {
    const absl::Status ready = Read();
    if (ready.ok() && !std::exchange(warm, true)) log_.WarmUp();
    looked_(ready);
    Print(ready);
    MutexLock lock(mutex_);
    if (!stop_)
      stop_changed_.WaitUntil(mutex_, Clock::now() + (ready.ok() ? kPeriod : kPeriodUntilReady));
    if (stop_) return;
  }
}

void Readiness::Print(const absl::Status& ready) {
  const Clock::time_point now = Clock::now();
  const bool changed = std::exchange(was_ready_, ready.ok()) != ready.ok();
  if (changed && ready.ok()) {
    say_again_at_.reset();
    return Say(Severity::kInfo, fmt::format("ready on {}", address_));
  }
  const bool again = say_again_at_ && now >= *say_again_at_;
  if (ready.ok() || (!changed && !again)) return;
  say_again_at_ = changed ? std::optional(now + kLong) : std::nullopt;
  Say(Severity::kWarning,
      fmt::format("{}: {}; only stale reads are answered",
                  changed ? "not ready" : "still not ready", std::string(ready.message())));
}

absl::Status Readiness::Read() {
  // Shared, because the answer may come after the wait has ended.
  const auto probe = std::make_shared<Probe>();
  log_.AwaitReadable([probe](const absl::Status& status) {
    MutexLock lock(probe->mutex);
    // An overloaded server still counts as ready.
    probe->read = absl::IsResourceExhausted(status) ? absl::OkStatus() : status;
    probe->answered.NotifyAll();
  });
  const Clock::time_point deadline = Clock::now() + kPatience;
  MutexLock lock(probe->mutex);
  while (!probe->read && Clock::now() < deadline) {
    probe->answered.WaitUntil(probe->mutex, deadline);
  }
  return probe->read.value_or(absl::UnavailableError(fmt::format(
      "a read was not answered within {} s: no majority of the servers answers, or this one is too "
      "far behind",
      kPatience.count())));
}

}  // namespace tripla
