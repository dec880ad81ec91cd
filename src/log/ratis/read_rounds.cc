// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/read_rounds.h"

#include <atomic>
#include <iterator>
#include <memory>
#include <utility>

#include "model/limits.h"

namespace tripla {

struct ReadRounds::Round {
  std::atomic<bool> half_over{false};  // the question has been put, or the answer given
};

namespace {

absl::Status ShuttingDown() { return absl::UnavailableError("the server is shutting down"); }

absl::Status TooManyWait() {
  return absl::ResourceExhaustedError(
      "the server is overloaded: too many reads wait for the leader's answer");
}

}  // namespace

void ReadRounds::Await(AnswerFn answer) {
  absl::Status status;
  {
    MutexLock lock(mutex_);
    if (stopped_) {
      status = ShuttingDown();
    } else if (waiting_.size() >= limits::kWaitingReadsMax) {
      status = TooManyWait();
    } else {
      waiting_.push_back(std::move(answer));
      if (std::exchange(asking_, true)) return;
    }
  }
  if (!status.ok()) return answer(status);
  AskForAll();
}

void ReadRounds::Stop() {
  std::vector<AnswerFn> all;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    all.swap(waiting_);
    std::move(asked_.begin(), asked_.end(), std::back_inserter(all));
    asked_.clear();
  }
  for (const AnswerFn& answer : all) answer(ShuttingDown());
}

std::vector<ReadRounds::AnswerFn> ReadRounds::TakeAsked() {
  MutexLock lock(mutex_);
  return std::exchange(asked_, {});
}

void ReadRounds::AskForAll() {
  while (true) {
    const auto round = std::make_shared<Round>();
    {
      MutexLock lock(mutex_);
      asked_.swap(waiting_);
      if (asked_.empty()) {
        asking_ = false;
        return;
      }
    }
    ask_([this, round](const absl::StatusOr<LogIndex>& index) {
      for (const AnswerFn& answer : TakeAsked()) answer(index);
      if (round->half_over.exchange(true)) AskForAll();
    });
    // Whoever is second, this or the answer, begins the next round: answers at once do not pile up
    // on the stack.
    if (!round->half_over.exchange(true)) return;
  }
}

}  // namespace tripla
