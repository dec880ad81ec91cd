// SPDX-License-Identifier: Apache-2.0
#include "client/backoff.h"

#include <algorithm>

#include "base/check.h"

namespace tripla {

Backoff::Backoff(std::chrono::milliseconds least, std::chrono::milliseconds most, uint64_t seed)
    : whole_(least), most_(most), chance_(seed) {
  TRIPLA_CHECK(least.count() > 0 && least <= most, "0 < backoff_min <= backoff_max");
}

std::chrono::microseconds Backoff::Next() {
  std::uniform_int_distribution<int64_t> between(whole_.count() / 2, whole_.count());
  const std::chrono::microseconds wait(between(chance_));
  whole_ = std::min(whole_ * 2, most_);
  return wait;
}

}  // namespace tripla
