// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <variant>

#include "model/command.h"
#include "model/outcome.h"
#include "state/id_row.h"
#include "state/reclaimer.h"
#include "state/session_bounds.h"
#include "state/session_queue.h"
#include "state/state_hash.h"
#include "state/state_summary.h"

namespace tripla {

// The memory of request ids, which makes a write happen exactly once (R13, R13a, design 4).
//
// A session is everything remembered of one client: the answers to its ids, the ids whose answers
// were dropped (runs), and a floor below which ids are forgotten. The client sets the floor with
// `first_unanswered`. An id that never arrived is new, even if later ids were answered. There are
// limits, counted in log order, so that every replica forgets the same:
//
//   clients              first one that said that all it sent is answered is forgotten, otherwise
//                        the one idle longest
//   answers of a client  the answer to the lowest sequence is dropped; the id stays known
//   bytes of all answers the same, in the longest idle session that has answers; when there are no
//                        answers left, the longest idle client with runs is forgotten
//   short of disk        as for the bytes of all answers, see MakeRoom()
//   runs of a client     the lowest is removed and the floor rises above it; only a client with
//                        more unanswered ids than SessionBounds::answers_per_client gets here
//
// docs/operating.md, "What is remembered of request ids", shows the life of a session in one table.
//
// Thread-safety: the writer's. The rows are in a VersionedTree; root() is published with the map's,
// so a frozen view has both as of one moment. Costs: O(log n) for a command, on average.
class SessionTable {
 public:
  using Fingerprint = std::array<uint8_t, 16>;

  // Both outlive the table. Every row is added to and removed from `sum`.
  SessionTable(Reclaimer& reclaimer, StateHashSum& sum, const SessionBounds& bounds);

  // Decides a command that carries a request id: executes it once by `execute()`, which returns its
  // Outcome, or recalls or refuses it.
  template <typename Execute>
  Outcome Once(const Command& command, Execute execute);

  // Drops answers as for the bound on bytes, but not the last one there is, until they have no more
  // data than the map, which has `map_bytes`, or the bound for this case. For a server that is
  // short of disk: images hold the answers too, and a client that has left never says that it has
  // them. So the images of a map that shrinks become smaller.
  void MakeRoom(uint64_t map_bytes);

  // The outcome of a command with a request id that `ids`, a root of this table, remembers as
  // decided: the answer again, or the refusal of an id that was used for another request. Nothing
  // when it does not.
  [[nodiscard]] static std::optional<Outcome> Recall(const TreeNode* ids, const Command& command);

  // From an image, in the order of StateView::Sessions(), and then EndLoad(). The caller has
  // checked the order.
  void Load(const SessionRow& session);
  void Load(const SessionRow& session, const AnswerRow& answer);
  void Load(const SessionRow& session, const DecidedRun& run);
  [[nodiscard]] bool HasAnswerIn(const SessionRow& session, const DecidedRun& run) const;
  void EndLoad(const StateSummary& summary);
  // Takes every session for one that was forgotten before: for an image that does not say whether
  // any client was.
  void AssumeForgottenClients();

  // Replaces the whole content by that of `other`.
  void Install(SessionTable& other);

  [[nodiscard]] const TreeNode* root() const { return tree_.root(); }
  // Sets the fields of `summary` about request ids.
  void Summarize(StateSummary& summary) const;

  // Aborts unless rows, sessions, counts and order agree. Takes time for all rows.
  void CheckInvariants() const;

  // The size of an answer for SessionBounds::answer_bytes; a run counts as an answer without data.
  [[nodiscard]] static size_t BytesOf(const AnswerRow& answer);

 private:
  using Place = SessionQueue::Place;

  // The memory of a row without the data of its answer: a round number, the same in every build.
  static constexpr size_t kRowBytes = 128;

  // A hash of the request without its id (R13: "the same id with another body"). It is stored in
  // images, so fields that are added to commands later must count only when they are not zero.
  static Fingerprint FingerprintOf(const Command& command);

  [[nodiscard]] static std::optional<Outcome> Recall(const TreeNode* ids, const RequestId& id,
                                                     const Fingerprint& fingerprint);
  // Whether the client is not remembered, and the command may have been applied before it was
  // forgotten.
  [[nodiscard]] bool IsOfForgottenClient(const RequestId& id) const;
  Place FindOrBegin(const ClientId& client);
  // The remembered outcome or a refusal; kNone and not replayed means: to be executed.
  [[nodiscard]] Outcome Recall(const Session& session, const RequestId& id,
                               const Fingerprint& fingerprint) const;
  [[nodiscard]] bool WasDecided(const Session& session, uint64_t sequence) const;
  void Remember(Session& session, const AnswerRow& answer);
  // The end of every command of a session.
  void EndCommand(Place session, const RequestId& id);
  void ForgetReceived(Session& session, const RequestId& id);
  void KeepBounds(Place current);
  // The bytes of all answers without what their rows cost.
  [[nodiscard]] uint64_t DataBytes() const;
  // Drops the answer to the lowest sequence of the longest idle session with answers.
  void DropIdleAnswer();
  // Drops the answer to the lowest sequence; its id stays known.
  void DropAnswer(Session& session);
  void AddToRuns(Session& session, uint64_t sequence);
  // Drops the lowest run; all ids up to its end are forgotten, also those that never arrived.
  void DropRun(Session& session);
  void ForgetClient(Place session);
  SessionQueue& QueueOf(const Session& session) {
    return session.row.finished ? finished_ : unfinished_;
  }
  // The longest idle session with such rows, of the queue whose clients are forgotten first; null
  // if there is none. `except` is the session used last, or null.
  Session* LongestIdleWith(Session::Held held, const Session* except);
  // The client to be forgotten next; not `current`.
  Place NextToForget(Place current);

  // The first row of this kind of the session with a key not below `from`, or null.
  [[nodiscard]] const IdRow* FirstFrom(const Session& session, IdRow::Kind kind,
                                       uint64_t from) const;
  void Insert(const IdRow::KeyBytes& key, decltype(IdRow::content) content);
  void Replace(const IdRow& stored, decltype(IdRow::content) content);
  void Remove(const IdRow& row);
  void InsertRun(Session& session, const DecidedRun& run);
  void RemoveRow(Session& session, const IdRow& row);
  // Writes session.row into the tree.
  void Store(const Session& session);
  void CheckSession(const Session& session, uint64_t& bytes) const;

  const SessionBounds bounds_;
  IdTree tree_;
  Reclaimer& reclaimer_;
  StateHashSum& sum_;
  // The sessions of clients that are forgotten first, and of the others.
  SessionQueue finished_;
  SessionQueue unfinished_;
  std::map<ClientId, Place> sessions_;
  std::array<uint64_t, 2> count_{};  // of all rows, by Session::Held
  uint64_t bytes_ = 0;               // of answers and runs
  uint64_t use_counter_ = 0;
  uint64_t forgotten_through_ = 0;
};

template <typename Execute>
Outcome SessionTable::Once(const Command& command, Execute execute) {
  const RequestId& id = *command.request_id;
  if (IsOfForgottenClient(id)) return {.refusal = Refusal::kClientForgotten};
  const Fingerprint fingerprint = FingerprintOf(command);
  const Place session = FindOrBegin(id.client);
  Outcome outcome = Recall(*session, id, fingerprint);
  if (outcome.refusal == Refusal::kNone && !outcome.replayed) {
    outcome = execute();
    Remember(*session, {.sequence = id.sequence, .fingerprint = fingerprint, .outcome = outcome});
  }
  EndCommand(session, id);
  return outcome;
}

}  // namespace tripla
