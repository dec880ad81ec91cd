// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "model/entry.h"
#include "state/id_row.h"
#include "state/state_hash.h"
#include "state/state_summary.h"
#include "state/state_view.h"

namespace tripla {

// Verifies that rows are those of a state with a certain summary, without building that state:
// entries first, then sessions, in the order in which StateView's cursors give them. Whoever reads
// or writes an image, and the scrub of the map in memory, pass all rows to one.
//
//   StateProof proof;
//   for (...) TRIPLA_RETURN_IF_ERROR(proof.Add(entry));
//   // After each session its answers, and after these its runs.
//   for (...) TRIPLA_RETURN_IF_ERROR(proof.Add(session));
//   TRIPLA_RETURN_IF_ERROR(proof.Finish(summary));
//
// Thread-safety: one thread. Memory: one key. Errors: DataLoss when the order is wrong, something
// comes twice or is impossible (a version below 1, a key that is not canonical).
class StateProof {
 public:
  [[nodiscard]] absl::Status Add(const Entry& entry);
  // The entry at the cursor of a view in memory, and that a search finds it. Whether its key is
  // canonical is not verified: that was done when the map got it, and the hash covers it.
  [[nodiscard]] absl::Status Add(const StateView::EntryCursor& cursor);
  [[nodiscard]] absl::Status Add(const SessionRow& session);
  [[nodiscard]] absl::Status Add(const AnswerRow& answer);
  [[nodiscard]] absl::Status Add(const DecidedRun& run);

  // Whether `summary` describes all that was added: counts, bytes, highest numbers and the state
  // hash, computed anew. Errors: DataLoss, which says what differs.
  [[nodiscard]] absl::Status Finish(const StateSummary& summary) const;

 private:
  [[nodiscard]] absl::Status AddCanonical(const Entry& entry);
  [[nodiscard]] absl::Status CheckNumbers(const StateSummary& summary) const;

  StateHashSum hash_;
  StateSummary seen_;  // counts, bytes and the highest numbers of what was added
  std::string last_key_;
  std::optional<SessionRow> session_;
  uint64_t last_sequence_ = 0;          // of the session's answers
  std::optional<DecidedRun> last_run_;  // of the session
};

}  // namespace tripla
