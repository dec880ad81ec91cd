// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "model/command.h"
#include "model/entry.h"
#include "model/log_position.h"
#include "model/outcome.h"
#include "state/session_bounds.h"
#include "state/state_view.h"

namespace tripla {

class StateLoader;

// The database: a deterministic function of the batches of the log (R24). It depends only on its
// input: not on a clock, randomness, addresses or hash order.
//
//   StateMachine machine;
//   std::vector<Outcome> outcomes = machine.Apply({.index = 1}, batch);
//   Outcome found = machine.Get(key);              // any thread
//   StateView view = machine.Freeze();             // any thread; writes go on
//
// Thread-safety: one thread applies; Get(), Recall(), Freeze() and GetSummary() from any thread at
// any time. They never wait for the writer, nor it for them, and see all of a batch or nothing of
// it.
class StateMachine {
 public:
  // Empty, at position 0. The bounds are the same on all replicas and for the whole life of a
  // state.
  explicit StateMachine(const SessionBounds& bounds = {});
  ~StateMachine();

  StateMachine(const StateMachine&) = delete;
  StateMachine& operator=(const StateMachine&) = delete;

  // Executes the commands in order, each decided on its own (R4-R8, R13), then publishes the result
  // in one step. Cannot fail: a command that must not be executed has a Refusal in its Outcome.
  // `position` is the one that follows the last.
  std::vector<Outcome> Apply(LogPosition position, const Batch& batch);

  // Replaces the state by `loaded`, a later image from another replica (R27), in one step for
  // readers. Earlier views do not change. Called instead of Apply(), by the same thread.
  void Install(std::unique_ptr<StateMachine> loaded);

  // Lets the same content begin a database of its own, whose log goes on behind `position` and
  // whose changes are numbered from `revision` on, which is not lower than now. Before it serves
  // anybody.
  void BeginAnew(LogPosition position, uint64_t revision);

  // The answer of `get` (R5) on the newest published state.
  [[nodiscard]] Outcome Get(const Key& key) const;

  // The outcome of a command with a request id that was decided before, if the newest published
  // state remembers it. It is the same whenever it is asked for, so it needs no place in the log.
  [[nodiscard]] std::optional<Outcome> Recall(const Command& command) const;

  // The whole state at one moment (R17), in O(1). While a view is held, replaced entries stay in
  // memory.
  [[nodiscard]] StateView Freeze() const;

  // The numbers of the newest published state, as of one moment.
  [[nodiscard]] StateSummary GetSummary() const;

  // Frees memory that only ended views used. Writes do so too; this is for times without writes.
  // From any thread, also during writes.
  void Reclaim();

  // For tests, on the thread that applies. waiting(): the number of objects that the newest state
  // does not reach and that are not freed yet. CheckInvariants(): aborts if an invariant is broken;
  // takes time for the whole state. Builds with assertions call it after each batch while the state
  // is small, and sometimes up to 1000 rows.
  [[nodiscard]] size_t waiting() const;
  void CheckInvariants() const;

 private:
  friend class StateLoader;
  struct Rep;
  explicit StateMachine(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace tripla
