// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "cli/console.h"

namespace tripla::cli {

// Tells a person what is waited for when a call takes longer than a second: lives as long as the
// call, and says its text once. Whoever makes the call says nothing meanwhile.
//
// Thread-safety: none. Lifetime: `console` outlives it.
class WaitingNote {
 public:
  WaitingNote(Console& console, std::string text);
  ~WaitingNote();
  WaitingNote(const WaitingNote&) = delete;
  WaitingNote& operator=(const WaitingNote&) = delete;

 private:
  void Wait();

  Console& console_;
  const std::string text_;
  Mutex mutex_;
  Condition ended_now_;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla::cli
