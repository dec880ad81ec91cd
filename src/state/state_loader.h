// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/entry.h"
#include "state/id_row.h"
#include "state/state_machine.h"
#include "state/state_proof.h"
#include "state/state_summary.h"

namespace tripla {

// Builds a StateMachine from an image: entries first, then sessions, both in the order in which
// StateView's cursors give them.
//
//   StateLoader loader;
//   for (...) TRIPLA_RETURN_IF_ERROR(loader.AddEntry(std::move(entry)));
//   // After each session AddAnswer(), and after its answers AddRun().
//   for (...) TRIPLA_RETURN_IF_ERROR(loader.AddSession(session));
//   TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<StateMachine> machine, loader.Finish(summary));
//
// Thread-safety: one thread. Errors: DataLoss when the order is wrong, something comes twice or is
// impossible (a version below 1, a revision above the summary's, a key that is not canonical).
class StateLoader {
 public:
  // `bounds` are those of the machine that wrote the image.
  explicit StateLoader(const SessionBounds& bounds = {});
  ~StateLoader();

  [[nodiscard]] absl::Status AddEntry(EntryRef entry);
  [[nodiscard]] absl::Status AddSession(const SessionRow& session);
  [[nodiscard]] absl::Status AddAnswer(const AnswerRow& answer);
  [[nodiscard]] absl::Status AddRun(const DecidedRun& run);

  // Checks that `summary` describes the added rows, including its hash (design 11). Ends the
  // loader. Errors: DataLoss, which says what differs.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> Finish(const StateSummary& summary);

  // The same for an image of format 1, which does not say whether a client was forgotten. If it
  // holds as many clients as allowed, this is possible, and the ids of all are in doubt (R13a).
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> FinishFormat1(
      const StateSummary& summary);

 private:
  // Finish() without publishing the state.
  absl::Status Prove(const StateSummary& summary);
  std::unique_ptr<StateMachine> Publish();

  std::unique_ptr<StateMachine::Rep> rep_;
  StateProof proof_;
  SessionRow session_;  // the one added last
  const SessionBounds bounds_;
  std::set<uint64_t> uses_;  // last_use of each session: unique
};

}  // namespace tripla
