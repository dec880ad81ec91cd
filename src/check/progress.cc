// SPDX-License-Identifier: Apache-2.0
#include "check/progress.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

namespace tripla::check {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kCells = 24;

}  // namespace

void Progress::Begin(const Claim& claim, size_t done, size_t total) {
  {
    const MutexLock lock(mutex_);
    name_ = claim.group + " " + claim.name;
    done_ = done;
    total_ = total;
    fraction_ = 0;
    begin_ = Clock::now();
  }
  Redraw();
}

void Progress::Advance(double fraction) {
  const MutexLock lock(mutex_);
  fraction_ = std::clamp(fraction, fraction_, 1.0);
}

void Progress::Redraw() {
  if (!shown_) return;
  std::fputs(fmt::format("\r\x1b[K{}", ToText()).c_str(), stderr);
  std::fflush(stderr);
}

void Progress::End() {
  {
    const MutexLock lock(mutex_);
    name_.clear();
  }
  Redraw();
}

std::string Progress::ToText() const {
  const MutexLock lock(mutex_);
  if (name_.empty()) return "";
  const double share = (static_cast<double>(done_) + fraction_) / static_cast<double>(total_);
  const size_t full = std::min(kCells, static_cast<size_t>(share * kCells));
  const auto took = std::chrono::floor<std::chrono::seconds>(Clock::now() - begin_);
  return fmt::format("[{}{}] {}/{}  {}  {} s", std::string(full, '#'),
                     std::string(kCells - full, '.'), done_, total_, name_, took.count());
}

}  // namespace tripla::check
