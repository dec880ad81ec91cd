// SPDX-License-Identifier: Apache-2.0
#include "server/housekeeping.h"

#include <chrono>
#include <utility>

#include "base/thread_name.h"

namespace tripla {
namespace {

// Short, so that little can be written before a full disk is noticed.
constexpr std::chrono::milliseconds kPeriod{100};

}  // namespace

Housekeeping::Housekeeping(DiskReserve& disk_reserve, Hooks hooks)
    : disk_reserve_(disk_reserve), hooks_(std::move(hooks)) {
  disk_reserve_.Refresh(hooks_.next_image);
  thread_ = std::thread([this] { Run(); });
}

Housekeeping::~Housekeeping() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    stop_changed_.NotifyAll();
  }
  thread_.join();
  disk_reserve_.EndWaits();
}

void Housekeeping::Run() {
  NameThread("housekeeping");
  while (AwaitNextLook()) {
    disk_reserve_.Refresh(hooks_.next_image);
    if (disk_reserve_.IsTight()) hooks_.tight();
    hooks_.look();
  }
}

bool Housekeeping::AwaitNextLook() {
  MutexLock lock(mutex_);
  if (!stop_) stop_changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kPeriod);
  return !stop_;
}

}  // namespace tripla
