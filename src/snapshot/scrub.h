// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/state_proof.h"
#include "state/state_view.h"

namespace tripla {

// What an operator is told when a state in memory is not what its summary says: `what` is the error
// of StateProof. DataLoss, with what to do next.
[[nodiscard]] absl::Status MemoryDamage(const absl::Status& what);

// One pass over a frozen view that verifies every row, in slices: the same that an image verifies
// while it is written, for times when none is written (docs/decisions/0024-damaged-memory.md).
//
//   Scrub scrub(machine.Freeze());
//   while (true) { TRIPLA_ASSIGN_OR_RETURN(const bool done, scrub.Step()); if (done) break; }
//
// Thread-safety: one thread.
class Scrub {
 public:
  explicit Scrub(StateView view);
  // The cursors point into the view.
  Scrub(const Scrub&) = delete;
  Scrub& operator=(const Scrub&) = delete;

  // Verifies rows for about a millisecond, or a single large one. Returns whether that was the last
  // of them. Errors: DataLoss as of MemoryDamage(); not called again then.
  [[nodiscard]] absl::StatusOr<bool> Step();

 private:
  // Adds the next entry, or the next session with all it holds; false when there is none left.
  absl::StatusOr<bool> AddNext();
  // Step() without its advice.
  absl::StatusOr<bool> Verify();

  const StateView view_;
  StateView::EntryCursor entries_;
  StateView::SessionCursor sessions_;
  StateProof proof_;
};

}  // namespace tripla
