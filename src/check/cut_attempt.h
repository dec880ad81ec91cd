// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "check/cut_proxy.h"
#include "check/key_state.h"
#include "check/trial.h"

namespace tripla::check {

// What a client was told of a write whose connection was cut.
enum class CutTold { kNotApplied, kUnknown, kDecided };

// What was told, cut by cut.
//
// Thread-safety: all methods may be called from any thread.
class CutTally {
 public:
  // `number` tells the cuts apart: where they are in order, behind which byte.
  void Add(uint64_t number, CutTold told);
  // "412 cuts: 37 not applied, 210 unknown, 165 decided".
  [[nodiscard]] std::string ToText() const;
  // Numbers that follow each other and were told the same, as one.
  [[nodiscard]] std::vector<CutRun> Runs() const;

 private:
  mutable Mutex mutex_;
  std::map<uint64_t, CutTold> told_ ABSL_GUARDED_BY(mutex_);
};

// "0-46 not applied, 47-436 unknown, 437-440 decided".
[[nodiscard]] std::string TextOf(const std::vector<CutRun>& runs);

// Sends `write` through a connection that is cut so, then finds out over another connection what
// became of it. The trial fails unless what the client was told was true, the same request sent
// again (twice) is told one and the same answer, and the write has happened exactly once.
//
// `before` is the known state of the key, which no other client uses. `patience` is how long
// the client waits for a connection, and then for an answer. Blocking: about that long. Returns
// what the client was told.
CutTold CheckCut(Trial& trial, const Operation& write, const KeyState& before,
                 const std::string& endpoint, const Cut& cut, std::chrono::milliseconds patience);

}  // namespace tripla::check
