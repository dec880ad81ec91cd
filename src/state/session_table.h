// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "model/command.h"
#include "model/outcome.h"
#include "state/id_row.h"
#include "state/reclaimer.h"
#include "state/state_hash.h"

namespace tripla {

// The memory of request ids: what makes a write happen exactly once (R13, design 4).
//
// A session is all that is remembered of one client: the answers to its ids, and a floor below
// which ids are forgotten. What a client says it has received is forgotten (`first_unanswered`);
// beyond that the bounds of model/limits.h hold, counted in log order, so that every replica
// forgets the same:
//
//   sessions             the longest idle goes, with its floor: a retry of its ids would be new
//   answers a session    the lowest sequence goes, and the floor rises above it
//   bytes of all answers the same, in the longest idle session that has answers
//
// An id below the floor is refused (kAnswerForgotten) and not executed: it may have been before.
//
// Thread-safety: the writer's. The rows live in a VersionedTree; root() is published with the
// map's, so a frozen view has both of one moment.
class SessionTable {
 public:
  using Fingerprint = std::array<uint8_t, 16>;

  // Both outlive the table. `sum` gets every row added and removed.
  SessionTable(Reclaimer& reclaimer, StateHashSum& sum)
      : tree_(reclaimer), reclaimer_(reclaimer), sum_(sum) {}

  // Decides a command that carries a request id: executes it once by `execute()`, which returns its
  // Outcome, or recalls or refuses it.
  template <typename Execute>
  Outcome Once(const Command& command, Execute execute);

  // From an image, in the order of StateView::Sessions(). The caller has checked the order.
  void Load(const SessionRow& row);
  void Load(const SessionRow& session, const AnswerRow& answer);

  // Takes over all that `other` remembers, in place of all that is here.
  void TakeOver(SessionTable& other);

  [[nodiscard]] const TreeNode* root() const { return tree_.root(); }
  [[nodiscard]] uint64_t sessions() const { return sessions_.size(); }
  [[nodiscard]] uint64_t answers() const { return answers_; }
  [[nodiscard]] uint64_t use_counter() const { return use_counter_; }
  void set_use_counter(uint64_t use_counter) { use_counter_ = use_counter; }

  // What an answer counts for limits::kAnswerBytesMax.
  [[nodiscard]] static size_t BytesOf(const AnswerRow& answer);

 private:
  struct Session {
    SessionRow row;
    uint64_t answers = 0;
  };
  using Sessions = std::map<ClientId, Session>;

  // What the request says, whatever its id (R13: "the same id with another body").
  static Fingerprint FingerprintOf(const Command& command);

  Sessions::value_type& FindOrAdd(const ClientId& client);
  void Touch(Sessions::value_type& session);
  // The remembered outcome or a refusal; kNone and not replayed means: to be executed.
  Outcome Recall(const Session& session, const RequestId& id, const Fingerprint& fingerprint) const;
  void Remember(Sessions::value_type& session, const AnswerRow& answer);
  void ForgetReceived(Sessions::value_type& session, const RequestId& id);
  void ForgetBeyondBounds(Sessions::value_type& current);
  // The lowest answer of a session that has one.
  void ForgetLowest(Sessions::value_type& session);
  void Evict(Sessions::iterator session);

  [[nodiscard]] const IdRow* Lowest(const ClientId& client) const;
  void Insert(const IdRow::KeyBytes& key, std::variant<SessionRow, AnswerRow> content);
  void Remove(const IdRow& row);
  // Writes session.row into the tree.
  void Store(const Sessions::value_type& session);
  void Index(Sessions::value_type& session);
  void Unindex(const Sessions::value_type& session);

  IdTree tree_;
  Reclaimer& reclaimer_;
  StateHashSum& sum_;
  // What the tree says, in forms that are quick to ask; the writer's alone.
  Sessions sessions_;
  std::map<uint64_t, ClientId> idle_;          // by last use
  std::map<uint64_t, ClientId> with_answers_;  // of those, the ones with answers
  uint64_t answers_ = 0;
  uint64_t answer_bytes_ = 0;
  uint64_t use_counter_ = 0;
};

template <typename Execute>
Outcome SessionTable::Once(const Command& command, Execute execute) {
  const RequestId& id = *command.request_id;
  const Fingerprint fingerprint = FingerprintOf(command);
  auto& session = FindOrAdd(id.client);
  Touch(session);
  Outcome outcome = Recall(session.second, id, fingerprint);
  if (outcome.refusal == Refusal::kNone && !outcome.replayed) {
    outcome = execute();
    Remember(session, {.sequence = id.sequence, .fingerprint = fingerprint, .outcome = outcome});
  }
  ForgetReceived(session, id);
  ForgetBeyondBounds(session);
  Store(session);
  return outcome;
}

}  // namespace tripla
