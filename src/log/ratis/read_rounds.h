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

// How a leader makes sure that no other leads. kUsual: by its lease, else by an entry; with
// --read-lease off, by asking its followers. kEntry: always by a no-op entry. That takes longest,
// and also shows the leader what a follower's log lacks.
enum class Proof { kUsual, kEntry };

// Joins reads that ask the same question. While one question is under way, new reads wait; the next
// question is for all of them. An answer serves only reads that began before its question was
// asked, because it may miss writes that were acknowledged after that.
//
// Thread-safety: any thread. Lifetime: outlives every answer.
class ReadRounds {
 public:
  // Takes the index of the log that a linearizable read must see, or why it is not known.
  using AnswerFn = std::function<void(const absl::StatusOr<LogIndex>&)>;
  // Asks; calls the function it is given exactly once, perhaps at once.
  using AskFn = std::function<void(AnswerFn)>;

  explicit ReadRounds(AskFn ask) : ask_(std::move(ask)) {}

  // Waits for an answer to a question that is asked from now on. ResourceExhausted at once when too
  // many wait.
  void Await(AnswerFn answer);

  // Answers all that wait, and all that come later, with Unavailable. Does not wait for the
  // question under way, which may take long.
  void Stop();

 private:
  struct Round;

  // Asks the next question, as long as somebody waits.
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
