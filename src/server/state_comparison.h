// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "log/ratis/membership.h"
#include "server/recent_hashes.h"
#include "state/state_machine.h"

namespace tripla {

// The result of comparing the replicas' hashes at one log index.
enum class Verdict {
  kSame,        // all known hashes are equal
  kWrong,       // a majority of the members has another hash than this replica
  kOtherWrong,  // a majority that includes this replica agrees; another member differs
  kUnsure,      // some differ, and there is no majority
};

// Compares the hash of this replica with those of the members that answered, by node id. `members`
// is the size of the cluster.
[[nodiscard]] Verdict Judge(const StateHash& own, const std::map<std::string, StateHash>& others,
                            size_t members);

// Compares this replica's state with the others' periodically, and ends the process if this one is
// wrong: the same log must lead to the same state (R24), so a memory, a disk or this program has
// failed. If there is no majority, all replicas that differ end.
//
// Thread-safety: constructed and destroyed by one thread; Known() from any.
class StateComparison {
 public:
  using Hashes = std::map<LogIndex, StateHash>;
  using AnswerFn = std::function<void(const absl::StatusOr<Hashes>&)>;
  // Asks another member for its hashes at some log indexes. Must not block; must answer in the end.
  using AskFn = std::function<void(const Member&, const std::vector<LogIndex>&, AnswerFn)>;

  // `machine` and `recent` outlive it.
  StateComparison(const Membership& membership, const StateMachine& machine,
                  const RecentHashes& recent, AskFn ask);
  ~StateComparison();

  StateComparison(const StateComparison&) = delete;
  StateComparison& operator=(const StateComparison&) = delete;

  // This replica's own hashes, including that of its newest index.
  [[nodiscard]] static Hashes Known(const StateMachine& machine, const RecentHashes& recent);

 private:
  struct Answers;

  void Run();
  // The others' hashes at the indexes of `own`, by node.
  [[nodiscard]] std::map<std::string, Hashes> AskOthers(const Hashes& own) const;
  void Compare();
  // Prints the verdict; ends the process if this replica must not go on.
  void Act(Verdict verdict, LogIndex index, const StateHash& own,
           const std::map<std::string, StateHash>& others);

  const Membership membership_;
  const StateMachine& machine_;
  const RecentHashes& recent_;
  const AskFn ask_;
  int unsure_rounds_ = 0;
  Mutex mutex_;
  Condition stop_changed_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tripla
