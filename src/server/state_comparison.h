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
#include "state/recent_hashes.h"
#include "state/state_machine.h"

namespace tripla {

// What the hashes that the replicas have of one place say about this one's state.
enum class Verdict {
  kSame,        // of all that are known
  kWrong,       // a majority of the members agrees on another
  kOtherWrong,  // a majority of the members, this one among them, agrees; another differs
  kUnsure,      // some differ, and there is no majority
};

// `others`: by node id, of those that answered. `members`: of the whole cluster.
[[nodiscard]] Verdict Judge(const StateHash& own, const std::map<std::string, StateHash>& others,
                            size_t members);

// Compares this replica's state with the others' now and then, and ends the process when it is this
// one that is wrong: the same log must have led all to the same state (R24), so a memory, a disk or
// this program has failed. When nobody can tell which one is wrong, all that differ end.
//
// Thread-safety: constructed and destroyed by one thread; Known() from any.
class StateComparison {
 public:
  using Hashes = std::map<LogIndex, StateHash>;
  using AnswerFn = std::function<void(const absl::StatusOr<Hashes>&)>;
  // Asks another member for its hashes of some places. Must not block, and answers at last.
  using AskFn = std::function<void(const Member&, const std::vector<LogIndex>&, AnswerFn)>;

  // `machine` and `recent` outlive it.
  StateComparison(const Membership& membership, const StateMachine& machine,
                  const RecentHashes& recent, AskFn ask);
  ~StateComparison();

  StateComparison(const StateComparison&) = delete;
  StateComparison& operator=(const StateComparison&) = delete;

  // This replica's own, the newest place among them.
  [[nodiscard]] static Hashes Known(const StateMachine& machine, const RecentHashes& recent);

 private:
  struct Answers;

  void Run();
  // What the others know of the places that `own` names, by node.
  [[nodiscard]] std::map<std::string, Hashes> AskOthers(const Hashes& own) const;
  void Compare();
  // Ends the process, or says who is wrong.
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
