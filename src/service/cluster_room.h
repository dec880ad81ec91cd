// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "model/log_position.h"
#include "tripla/internal/peer.pb.h"

namespace tripla {

// What a leader knows of the room on the disks of all servers, its own included. A write is durable
// on a majority of them, so without room on a majority it would be submitted and wait for room;
// such writes are refused before (C7, docs/decisions/0025-full-disks-of-replicas.md).
//
// Thread-safety: Look() from one thread, the rest from any. Lifetime: it outlives the answers to
// Sources::ask.
class ClusterRoom {
 public:
  using AnswerFn = std::function<void(const absl::StatusOr<internal::LogStateReply>&)>;

  // Whether this server leads. One that is elected leads once the first record of its term is
  // committed, for which a majority needs room too.
  enum class Lead { kNo, kElected, kYes };

  struct Sources {
    std::function<Lead()> lead;
    // Of this server; without `cluster` and `starts`.
    std::function<internal::LogStateReply()> own;
    // Asks another one; must not block.
    std::function<void(const std::string& node, AnswerFn)> ask;
    std::function<std::chrono::steady_clock::time_point()> now = &std::chrono::steady_clock::now;
  };

  // `others`: the nodes beside this one.
  ClusterRoom(std::string node, std::vector<std::string> others, Sources sources);

  // The time between two questions to each server. What one has said holds for kTrust.
  static constexpr std::chrono::milliseconds kPeriod{250};
  static constexpr std::chrono::seconds kTrust{5};

  // Looks at the own disk, asks the others if it is time, and prints when writing ends or resumes,
  // and when a server that is elected cannot begin to lead. Call it every hundred milliseconds. On
  // a follower it forgets everything.
  void Look();

  // An election for which there is room ends sooner; until then the others are asked.
  static constexpr std::chrono::seconds kBegin{1};

  enum class Write { kAdds, kRemoves };
  // Whether a write of this kind may be taken. OK as long as nobody has said that its disk is full,
  // and on a follower; ResourceExhausted, whose message says whose disks are full and what to do.
  // On a server that is elected and cannot begin to lead, both kinds say so.
  [[nodiscard]] absl::Status Check(Write write) const;

  // The member that should lead in place of this one, whose disk is full: it has room and the whole
  // log, and with it a majority without this server has room. Empty: none. Only what others have
  // said after this one's disk was full for kPeriod counts: disks that are filled together must not
  // seem to be free. A new leader that finds no room on a majority cannot begin, and no reads are
  // answered then.
  [[nodiscard]] std::string Successor() const;

 private:
  struct Known {
    bool adds = true;
    bool removes = true;
    std::string text;  // for messages: what is free and what is needed
    LogIndex last = 0;
    std::chrono::steady_clock::time_point said;
  };
  // What was printed last.
  enum class Printed { kNothing, kRefuses, kCannotBegin };

  void Forget();
  void Print(Lead lead, const absl::Status& adds);

  void Note(const std::string& node, const internal::LogStateReply& state);
  [[nodiscard]] bool IsKnown(const std::string& node) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] bool HasRoom(Write write) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Why such writes are refused; OK when they are taken.
  [[nodiscard]] absl::Status Judge(Lead lead, Write write) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] std::string Lacking(Write write) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  [[nodiscard]] size_t majority() const { return (others_.size() + 1) / 2 + 1; }

  const std::string node_;
  const std::vector<std::string> others_;
  const Sources sources_;
  std::chrono::steady_clock::time_point next_question_;           // of the thread of Look()
  std::optional<std::chrono::steady_clock::time_point> elected_;  // of this thread; not leading yet
  Printed printed_ = Printed::kNothing;
  mutable Mutex mutex_;
  std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::chrono::steady_clock::time_point> full_since_ ABSL_GUARDED_BY(mutex_);
  absl::Status adds_ ABSL_GUARDED_BY(mutex_);
  absl::Status removes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tripla
