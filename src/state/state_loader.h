// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/entry.h"
#include "state/id_row.h"
#include "state/state_machine.h"
#include "state/state_summary.h"

namespace tripla {

// Builds a StateMachine from an image: entries first, then sessions, both in the order in which
// StateView's cursors give them.
//
//   StateLoader loader;
//   for (...) TRIPLA_RETURN_IF_ERROR(loader.AddEntry(std::move(entry)));
//   for (...) TRIPLA_RETURN_IF_ERROR(loader.AddSession(session));  // AddAnswer() behind each
//   TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<StateMachine> machine, loader.Finish(summary));
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
  absl::Status CheckAnswer(const AnswerRow& answer) const;

  std::unique_ptr<StateMachine::Rep> rep_;
  std::string last_key_;
  uint64_t highest_revision_ = 0;
  std::optional<SessionRow> session_;
  uint64_t last_sequence_ = 0;
  std::set<uint64_t> uses_;  // last_use of each session: unique
};

}  // namespace tripla
