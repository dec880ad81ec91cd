// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tripla::check {

// What a run is asked to do.
struct Plan {
  std::string command = "all";
  std::vector<std::string> endpoints = {"127.0.0.1:7420"};
  std::chrono::milliseconds timeout{5000};   // of one call with all its attempts
  uint64_t seed = 0;                         // of all that is chosen by chance
  uint64_t entries = 1000;                   // of the stress
  int clients = 8;                           // at once, of the stress and the histories
  int keys = 3;                              // that these clients share in a history
  std::chrono::milliseconds duration{3000};  // of each check that goes on for a time
  std::string claim;                         // only claims whose name begins so

  friend bool operator==(const Plan&, const Plan&) = default;
};

}  // namespace tripla::check
