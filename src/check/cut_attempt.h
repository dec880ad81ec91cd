// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "check/cut_proxy.h"
#include "check/key_state.h"
#include "check/trial.h"

namespace tripla::check {

// What a client was told of a write whose connection was cut.
enum class CutTold { kNotApplied, kUnknown, kDecided };

// How often each was told, over many cuts.
class CutTally {
 public:
  void Add(CutTold told);
  // "412 cuts: 37 not applied, 210 unknown, 165 decided".
  [[nodiscard]] std::string ToText() const;

 private:
  mutable Mutex mutex_;
  std::array<uint64_t, 3> counts_ ABSL_GUARDED_BY(mutex_){};
};

// Sends `write` through a connection that is cut so, then finds out over another connection what
// became of it. The trial fails unless what the client was told was true, the same request sent
// again (twice) is told one and the same answer, and the write has happened exactly once.
//
// `before` is what the key holds, all of it known; nobody else uses the key. `patience` is how long
// the client waits for a connection, and then for an answer. Blocking: about that long.
void CheckCut(Trial& trial, const Operation& write, const KeyState& before,
              const std::string& endpoint, const Cut& cut, std::chrono::milliseconds patience,
              CutTally& tally);

}  // namespace tripla::check
