// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/harness/process.h"

namespace tripla {

// tripla-check at work beside a test that makes trouble: clients that meet on few keys at all
// servers, lose patience soon, send again or give up, and whose histories must be linearizable.
//
// Thread-safety: one thread.
class CheckRun {
 public:
  // Each call must be decided within `patience`.
  CheckRun(const std::vector<std::string>& endpoints, std::chrono::milliseconds duration,
           std::chrono::seconds patience = std::chrono::seconds(60));

  // Until then it works for sure, and afterwards it comes to its end.
  [[nodiscard]] bool IsOver() const { return std::chrono::steady_clock::now() >= end_; }

  // Waits for its end, and expects that it found nothing.
  void Finish();

 private:
  const std::chrono::steady_clock::time_point end_;
  Process process_;
};

}  // namespace tripla
