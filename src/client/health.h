// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace tripla {

// The answer of one server's health service (grpc.health.v1).
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

// Asks all `endpoints` at the same time and returns the answers in their order. A server that does
// not answer within `patience` is down. Blocking: `patience` at most. Thread-safe.
[[nodiscard]] std::vector<EndpointHealth> HealthOf(const std::vector<std::string>& endpoints,
                                                   std::chrono::milliseconds patience);

}  // namespace tripla
