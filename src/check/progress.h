// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdio>

#include "check/claim.h"

namespace tripla::check {

// A bar on the terminal that shows how far a run is; nothing where there is no terminal.
//
// Thread-safety: none.
class Progress {
 public:
  explicit Progress(bool shown) : shown_(shown) {}

  // Number `done` of `total` begins.
  void Begin(const Claim& claim, size_t done, size_t total);
  // Takes the bar away.
  void End();

 private:
  const bool shown_;
};

}  // namespace tripla::check
