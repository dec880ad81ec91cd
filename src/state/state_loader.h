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
//   // Behind each session AddAnswer(), and behind its answers AddRun().
//   for (...) TRIPLA_RETURN_IF_ERROR(loader.AddSession(session));
//   TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<StateMachine> machine, loader.Finish(summary));
//
// Thread-safety: one thread. Errors: DataLoss when the order is wrong, something comes twice or is
// impossible (a version below 1, a revision above the summary's, a key that is not canonical).
class StateLoader {
 public:
  // `bounds` are those of the machine that the image is of.
  explicit StateLoader(const SessionBounds& bounds = {});
  ~StateLoader();

  [[nodiscard]] absl::Status AddEntry(EntryRef entry);
  [[nodiscard]] absl::Status AddSession(const SessionRow& session);
  [[nodiscard]] absl::Status AddAnswer(const AnswerRow& answer);
  [[nodiscard]] absl::Status AddRun(const DecidedRun& run);

  // Proves that what was added is what `summary` describes, its hash included (design 11). Ends the
  // loader. Errors: DataLoss, which says what differs.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> Finish(const StateSummary& summary);

  // The same for an image of a version that did not take down whether a client was forgotten. It
  // may have been so if the image holds as many clients as there may be; then all are in doubt
  // (R13a).
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> FinishFormat1(
      const StateSummary& summary);

 private:
  absl::Status CheckAnswer(const AnswerRow& answer) const;
  absl::Status CheckRun(const DecidedRun& run) const;
  // Finish() but for making it visible.
  absl::Status Prove(const StateSummary& summary);
  std::unique_ptr<StateMachine> Publish();

  std::unique_ptr<StateMachine::Rep> rep_;
  std::string last_key_;
  uint64_t highest_revision_ = 0;
  uint64_t highest_doubt_ = 0;
  std::optional<SessionRow> session_;
  uint64_t last_sequence_ = 0;          // of the session's answers
  std::optional<DecidedRun> last_run_;  // of the session
  const SessionBounds bounds_;
  std::set<uint64_t> uses_;  // last_use of each session: unique
};

}  // namespace tripla
