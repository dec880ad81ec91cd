// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

#include "check/progress.h"
#include "check/traffic.h"

namespace tripla::check {

// Beside a run: draws the progress anew each second. When somebody asks to stop it says what
// happens now, and ends the traffic, so that nobody waits for a server that does not answer.
//
// Lifetime: both outlive it.
class RunWatch {
 public:
  RunWatch(Progress& progress, Traffic& traffic);
  ~RunWatch();
  RunWatch(const RunWatch&) = delete;
  RunWatch& operator=(const RunWatch&) = delete;

 private:
  void Watch();

  Progress& progress_;
  Traffic& traffic_;
  const int end_;  // becomes readable when the watch ends
  std::thread thread_;
};

}  // namespace tripla::check
