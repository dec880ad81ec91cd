// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace tripla {

// What the health service (grpc.health.v1) of one server says.
struct EndpointHealth {
  enum class State {
    kDown,   // it does not answer
    kLive,   // its process lives, and does not serve calls now
    kReady,  // it serves calls
  };

  std::string endpoint;
  State state = State::kDown;
  std::string why;  // when kDown
};

// Asks each of `endpoints` at once, and gives the answers in their order. One that does not answer
// within `patience` is down. Blocking: `patience` at most. Thread-safe.
[[nodiscard]] std::vector<EndpointHealth> HealthOf(const std::vector<std::string>& endpoints,
                                                   std::chrono::milliseconds patience);

}  // namespace tripla
