// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/command.h"
#include "model/entry.h"
#include "model/log_position.h"
#include "model/outcome.h"
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
  // Empty, at position 0.
  StateMachine();
  ~StateMachine();

  StateMachine(const StateMachine&) = delete;
  StateMachine& operator=(const StateMachine&) = delete;

  // Executes the commands in order, each decided on its own (R4-R8, R13), then publishes the result
  // in one step. Cannot fail: a command that must not be executed has a Refusal in its Outcome.
  // `position` is the one that follows the last.
  std::vector<Outcome> Apply(LogPosition position, const Batch& batch);

  // The answer of `get` (R5) on the newest published state.
  [[nodiscard]] Outcome Get(const Key& key) const;

  // The whole state at one moment (R17), in O(1). It costs memory for what changes while it is
  // held.
  [[nodiscard]] StateView Freeze() const;

  // Numbers of the newest published state, all of one moment.
  [[nodiscard]] StateSummary GetSummary() const;

 private:
  friend class StateLoader;
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

// Builds a StateMachine from an image: entries first, then sessions, both in the order in which
// StateView's cursors give them.
//
//   StateLoader loader;
//   for (...) TRIPLA_RETURN_IF_ERROR(loader.AddEntry(std::move(entry)));
//   for (...) TRIPLA_RETURN_IF_ERROR(loader.AddSession(session));      // then AddAnswer for its
//   answers TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<StateMachine> machine, loader.Finish(summary));
//
// Thread-safety: one thread. Errors: DataLoss when the order is wrong, something comes twice or is
// impossible (a version below 1, a revision above the summary's, a key that is not canonical).
class StateLoader {
 public:
  StateLoader();
  ~StateLoader();

  [[nodiscard]] absl::Status AddEntry(EntryRef entry);
  [[nodiscard]] absl::Status AddSession(const SessionRow& session);
  [[nodiscard]] absl::Status AddAnswer(const AnswerRow& answer);

  // Proves that what was added is what `summary` describes, its hash included (design 11). Ends the
  // loader. Errors: DataLoss, which says what differs.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> Finish(const StateSummary& summary);

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace tripla
