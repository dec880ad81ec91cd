// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/read_rounds.h"

#include <atomic>
#include <memory>
#include <utility>

namespace tripla {

struct ReadRounds::Round {
  std::vector<AnswerFn> asked;
  std::atomic<bool> half_over{false};  // the question has been put, or the answer given
};

void ReadRounds::Await(AnswerFn answer) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(answer));
    if (std::exchange(asking_, true)) return;
  }
  AskForAll();
}

void ReadRounds::AskForAll() {
  while (true) {
    const auto round = std::make_shared<Round>();
    {
      MutexLock lock(mutex_);
      round->asked.swap(waiting_);
      if (round->asked.empty()) {
        asking_ = false;
        return;
      }
    }
    ask_([this, round](const absl::StatusOr<LogIndex>& index) {
      for (const AnswerFn& answer : round->asked) answer(index);
      if (round->half_over.exchange(true)) AskForAll();
    });
    // Whoever is second, this or the answer, begins the next round: answers at once do not pile up
    // on the stack.
    if (!round->half_over.exchange(true)) return;
  }
}

}  // namespace tripla
