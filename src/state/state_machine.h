// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "model/command.h"
#include "model/entry.h"
#include "model/log_position.h"
#include "model/outcome.h"
#include "state/session_bounds.h"
#include "state/state_view.h"

namespace tripla {

class StateLoader;

// The database itself: a deterministic function of the batches of the log (R24). It reads nothing
// but its input: no clock, no randomness, no address, no hash order.
//
//   StateMachine machine;
//   std::vector<Outcome> outcomes = machine.Apply({.index = 1}, batch);
//   Outcome found = machine.Get(key);              // any thread
//   StateView view = machine.Freeze();             // any thread; writes go on
//
// Thread-safety: one thread applies; Get(), Freeze() and GetSummary() from any thread at any time.
// They never wait for the writer, nor it for them, and see whole batches: all of one or nothing of
// it.
class StateMachine {
 public:
  // Empty, at position 0. The bounds are the same on all replicas, and in a whole life of a state.
  explicit StateMachine(const SessionBounds& bounds = {});
  ~StateMachine();

  StateMachine(const StateMachine&) = delete;
  StateMachine& operator=(const StateMachine&) = delete;

  // Executes the commands in order, each decided on its own (R4-R8, R13), then publishes the result
  // in one step. Cannot fail: a command that must not be executed has a Refusal in its Outcome.
  // `position` is the one that follows the last.
  std::vector<Outcome> Apply(LogPosition position, const Batch& batch);

  // Becomes `loaded`, an image of a later place that came from another replica (R27), in one step
  // for those who read. Views of before stay as they are. Called in place of Apply(), by the same
  // thread.
  void Install(std::unique_ptr<StateMachine> loaded);

  // The answer of `get` (R5) on the newest published state.
  [[nodiscard]] Outcome Get(const Key& key) const;

  // The whole state at one moment (R17), in O(1). It costs memory for what changes while it is
  // held.
  [[nodiscard]] StateView Freeze() const;

  // Numbers of the newest published state, all of one moment.
  [[nodiscard]] StateSummary GetSummary() const;

  // Frees what views that have ended kept in memory. Writes do so themselves: this is for times
  // without any. From any thread; writes go on.
  void Reclaim();

  // For tests, by the thread that applies: objects that the newest state does not reach and that
  // are not freed yet; and a look at everything that must hold, which dies where it does not and
  // takes time for the whole state. Builds with assertions do so after each batch while the state
  // is small, and now and then up to 1000 rows.
  [[nodiscard]] size_t waiting() const;
  void CheckInvariants() const;

 private:
  friend class StateLoader;
  struct Rep;
  explicit StateMachine(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace tripla
