// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tripla {

// The environment of a server whose monotonic clock gains so many microseconds each second, or
// loses them. `library` is that of tests/faults/clock_rate.cc.
inline std::vector<std::string> ClockThatGains(int64_t ppm, const std::string& library) {
  return {"LD_PRELOAD=" + library, "CLOCK_GAINS_PPM=" + std::to_string(ppm)};
}

}  // namespace tripla
