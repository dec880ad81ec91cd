// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <random>

namespace tripla {

// The waits before further attempts of one call: each twice as long as the one before, and each
// chosen at random between half and the whole of that.
//
// Thread-safety: none; one call uses one Backoff.
class Backoff {
 public:
  // Requires 0 < least <= most (checked).
  Backoff(std::chrono::milliseconds least, std::chrono::milliseconds most, uint64_t seed);

  [[nodiscard]] std::chrono::microseconds Next();

 private:
  std::chrono::microseconds whole_;
  std::chrono::microseconds most_;
  std::mt19937_64 chance_;
};

}  // namespace tripla
