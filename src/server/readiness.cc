// SPDX-License-Identifier: Apache-2.0
#include "server/readiness.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

// A slower read counts as failed: clients would not wait either.
constexpr std::chrono::seconds kPatience{3};
constexpr std::chrono::milliseconds kPeriodUntilReady{20};
constexpr std::chrono::milliseconds kPeriod{500};

}  // namespace

struct Readiness::Probe {
  Mutex mutex;
  Condition answered;
  std::optional<bool> can_read ABSL_GUARDED_BY(mutex);
};

Readiness::Readiness(Log& log, std::function<void(bool)> changed)
    : log_(log), changed_(std::move(changed)), thread_([this] { Run(); }) {}

Readiness::~Readiness() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    stop_changed_.NotifyAll();
  }
  thread_.join();
}

void Readiness::Run() {
  bool ready = false;
  bool warm = false;
  while (true) {
    const bool can_read = CanRead();
    if (can_read && !std::exchange(warm, true)) log_.WarmUp();
    if (can_read != ready) changed_(ready = can_read);
    MutexLock lock(mutex_);
    if (!stop_)
      stop_changed_.WaitUntil(mutex_, Clock::now() + (ready ? kPeriod : kPeriodUntilReady));
    if (stop_) return;
  }
}

bool Readiness::CanRead() {
  // Shared, because the answer may come after the wait has ended.
  const auto probe = std::make_shared<Probe>();
  log_.AwaitReadable([probe](const absl::Status& status) {
    MutexLock lock(probe->mutex);
    // An overloaded server still counts as ready.
    probe->can_read = status.ok() || absl::IsResourceExhausted(status);
    probe->answered.NotifyAll();
  });
  const Clock::time_point deadline = Clock::now() + kPatience;
  MutexLock lock(probe->mutex);
  while (!probe->can_read && Clock::now() < deadline) {
    probe->answered.WaitUntil(probe->mutex, deadline);
  }
  return probe->can_read.value_or(false);
}

}  // namespace tripla
