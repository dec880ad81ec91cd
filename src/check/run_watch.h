// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <thread>

#include "check/progress.h"
#include "check/traffic.h"

namespace tripla::check {

// Draws the progress of a run each second. At a signal to stop it prints what happens now and ends
// the traffic, so that no client waits for a server that does not answer.
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
