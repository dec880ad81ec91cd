// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "model/log_position.h"

namespace tripla {

// How a leader makes sure that no other leads: it may hold a lease; an entry of the log that holds
// nothing works always, takes longer, and lets it see what a follower's log lacks.
enum class Proof { kLeaseOrEntry, kEntry };

// Asks one question for all who wait: while an answer is under way those who come collect, and the
// next question is for all of them. An answer serves only those who waited before it was asked for,
// since it must not be older than they are.
//
// Thread-safety: any thread. Lifetime: outlives every answer.
class ReadRounds {
 public:
  // Takes the place in the log that a linearizable read must see, or why it is not known.
  using AnswerFn = std::function<void(const absl::StatusOr<LogIndex>&)>;
  // Asks; calls the function it is given exactly once, perhaps at once.
  using AskFn = std::function<void(AnswerFn)>;

  explicit ReadRounds(AskFn ask) : ask_(std::move(ask)) {}

  // Waits for an answer to a question that is asked from now on. ResourceExhausted at once when too
  // many wait.
  void Await(AnswerFn answer);

  // Tells all who wait, and all who will, that the server is shutting down: the answer that is
  // under way may take long.
  void Stop();

 private:
  struct Round;

  // Asks for those who wait, until nobody does.
  void AskForAll();
  [[nodiscard]] std::vector<AnswerFn> TakeAsked();

  const AskFn ask_;
  Mutex mutex_;
  std::vector<AnswerFn> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<AnswerFn> asked_ ABSL_GUARDED_BY(mutex_);  // wait for the answer under way
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool asking_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tripla
