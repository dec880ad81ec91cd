// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "batch/batcher.h"
#include "log/log.h"
#include "model/level.h"
#include "server/replication.h"
#include "state/state_machine.h"

namespace tripla {

// Raises the level by a command (R28): a leader when every member answers that it knows the next
// level and does not hold it back, a server that stands alone at once.
//
// Thread-safety: Step() from one thread at a time; held_back() from any.
class LevelRaise {
 public:
  // What it uses; all outlive it.
  struct Parts {
    const StateMachine& machine;
    const Log& log;
    Batcher& batcher;
    Replication* replication;  // null: it stands alone
  };

  // `level_max`: --level-max.
  LevelRaise(const Parts& parts, Level level_max);

  // One look, to be repeated. On a leader that knows a higher level it asks the others, every two
  // seconds, and raises the level when all have answered. Never blocks.
  void Step();

  // What keeps the level from rising, for people: this server's own --level-max, and on a leader
  // what the others have answered. Empty when nothing does.
  [[nodiscard]] std::string held_back();

 private:
  struct Round;

  void SayIfRisen(Level level);
  void SetHeldBack(Level level, const std::string& why);
  void Ask(Level next);
  // Of the latest question; `is_over`: no other comes.
  void TakeAnswers(bool is_over);
  void Raise(Level first, Level last);

  const Parts parts_;
  const Level level_max_;  // that is known and not held back here
  Level seen_ = 0;
  std::chrono::steady_clock::time_point next_;
  std::shared_ptr<Round> round_;  // the latest question to the others
  // Whether it was said that the log does not take the command.
  const std::shared_ptr<std::atomic<bool>> said_ = std::make_shared<std::atomic<bool>>(false);
  Mutex mutex_;
  std::string held_back_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
