// SPDX-License-Identifier: Apache-2.0
#include "state/session_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "base/check.h"
#include "model/limits.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

constexpr uint64_t kLastSequence = std::numeric_limits<uint64_t>::max();
// What a row costs in memory besides the data its answer holds; a round figure that no build
// changes.
constexpr size_t kAnswerRowBytes = 128;

}  // namespace

IdRow::KeyBytes IdRow::MakeKey(const ClientId& client, uint64_t sequence) {
  KeyBytes key;
  std::copy(client.begin(), client.end(), key.begin());
  for (size_t i = 0; i < sizeof(sequence); ++i) {
    key[client.size() + i] = static_cast<char>(sequence >> (8 * (sizeof(sequence) - 1 - i)));
  }
  return key;
}

size_t SessionTable::BytesOf(const AnswerRow& answer) {
  const EntryRef& entry = answer.outcome.entry;
  return kAnswerRowBytes + (entry ? entry->payload_bytes() : 0);
}

SessionTable::Fingerprint SessionTable::FingerprintOf(const Command& command) {
  std::string fields;
  fields += static_cast<char>(command.kind);
  AppendLittleEndian(fields, command.timestamp);
  AppendLittleEndian(fields, command.version);
  AppendLittleEndian(fields, command.if_revision);
  AppendLittleEndian(fields, uint64_t{command.key.ordered_bytes().size()});
  fields += command.key.ordered_bytes();
  const XXH128_hash_t hash = XXH3_128bits_withSeed(command.data.data(), command.data.size(),
                                                   XXH3_64bits(fields.data(), fields.size()));
  Fingerprint fingerprint;
  StoreLittleEndian(reinterpret_cast<char*>(fingerprint.data()), hash.low64);
  StoreLittleEndian(reinterpret_cast<char*>(fingerprint.data()) + 8, hash.high64);
  return fingerprint;
}

SessionTable::Sessions::value_type& SessionTable::FindOrAdd(const ClientId& client) {
  const auto [session, added] = sessions_.try_emplace(client);
  if (added) session->second.row.client = client;
  return *session;
}

void SessionTable::Touch(Sessions::value_type& session) {
  Unindex(session);
  session.second.row.last_use = ++use_counter_;
  Index(session);
}

Outcome SessionTable::Recall(const Session& session, const RequestId& id,
                             const Fingerprint& fingerprint) const {
  const IdRow::KeyBytes key = IdRow::MakeKey(id.client, id.sequence);
  if (const IdRow* row = tree_.Find({key.data(), key.size()})) {
    Outcome outcome = row->answer().outcome;
    if (row->answer().fingerprint != fingerprint) {
      outcome.replayed = outcome.refusal == Refusal::kNone;
      outcome.refusal = Refusal::kRequestIdReused;
      return outcome;
    }
    outcome.replayed = true;
    return outcome;
  }
  const uint64_t floor = session.row.forgotten_below;
  if (id.sequence < floor || floor == kLastSequence) return {.refusal = Refusal::kAnswerForgotten};
  return {};
}

void SessionTable::Remember(Sessions::value_type& session, const AnswerRow& answer) {
  Insert(IdRow::MakeKey(session.first, answer.sequence), answer);
  if (session.second.answers++ == 0)
    with_answers_.emplace(session.second.row.last_use, session.first);
  ++answers_;
  answer_bytes_ += BytesOf(answer);
}

void SessionTable::ForgetReceived(Sessions::value_type& session, const RequestId& id) {
  // A client that speaks has not received the answer to what it asks now.
  const uint64_t received = std::min(id.first_unanswered, id.sequence);
  while (session.second.answers != 0 && Lowest(session.first)->answer().sequence < received) {
    ForgetLowest(session);
  }
  uint64_t& floor = session.second.row.forgotten_below;
  floor = std::max(floor, received);
}

void SessionTable::ForgetBeyondBounds(Sessions::value_type& current) {
  while (current.second.answers > limits::kAnswersPerSessionMax) ForgetLowest(current);
  while (answer_bytes_ > limits::kAnswerBytesMax) {
    Sessions::value_type& session = *sessions_.find(with_answers_.begin()->second);
    ForgetLowest(session);
    if (&session != &current) Store(session);
  }
  if (sessions_.size() > limits::kSessionsMax) Evict(sessions_.find(idle_.begin()->second));
}

void SessionTable::ForgetLowest(Sessions::value_type& session) {
  const IdRow* row = Lowest(session.first);
  const uint64_t sequence = row->answer().sequence;
  uint64_t& floor = session.second.row.forgotten_below;
  floor = std::max(floor, sequence == kLastSequence ? sequence : sequence + 1);
  answer_bytes_ -= BytesOf(row->answer());
  --answers_;
  if (--session.second.answers == 0) with_answers_.erase(session.second.row.last_use);
  Remove(*row);
}

void SessionTable::Evict(Sessions::iterator session) {
  while (session->second.answers != 0) ForgetLowest(*session);
  const IdRow::KeyBytes key = IdRow::MakeKey(session->first, 0);
  Remove(*tree_.Find({key.data(), key.size()}));
  Unindex(*session);
  sessions_.erase(session);
}

const IdRow* SessionTable::Lowest(const ClientId& client) const {
  const IdRow::KeyBytes first = IdRow::MakeKey(client, 1);
  const IdTree::Cursor cursor(tree_.root(), {first.data(), first.size()});
  TRIPLA_CHECK(cursor.Valid() && !cursor.row().is_session(), "a session counts answers it lacks");
  return &cursor.row();
}

void SessionTable::Insert(const IdRow::KeyBytes& key, std::variant<SessionRow, AnswerRow> content) {
  const auto* row =
      new IdRow{.birth = reclaimer_.newest().number + 1, .key = key, .content = std::move(content)};
  sum_.Add(*row);
  tree_.Insert(row);
}

void SessionTable::Remove(const IdRow& row) {
  sum_.Remove(row);
  tree_.Remove(row.ordered_key());
}

void SessionTable::Store(const Sessions::value_type& session) {
  const IdRow::KeyBytes key = IdRow::MakeKey(session.first, 0);
  const IdRow* stored = tree_.Find({key.data(), key.size()});
  if (stored == nullptr) return Insert(key, session.second.row);
  const auto* row =
      new IdRow{.birth = reclaimer_.newest().number + 1, .key = key, .content = session.second.row};
  sum_.Remove(*stored);
  sum_.Add(*row);
  tree_.Replace(row);
}

void SessionTable::Index(Sessions::value_type& session) {
  idle_.emplace(session.second.row.last_use, session.first);
  if (session.second.answers != 0) {
    with_answers_.emplace(session.second.row.last_use, session.first);
  }
}

void SessionTable::Unindex(const Sessions::value_type& session) {
  idle_.erase(session.second.row.last_use);
  with_answers_.erase(session.second.row.last_use);
}

void SessionTable::Load(const SessionRow& row) {
  auto& session = FindOrAdd(row.client);
  session.second.row = row;
  Index(session);
  Store(session);
}

void SessionTable::Load(const SessionRow& session, const AnswerRow& answer) {
  Remember(*sessions_.find(session.client), answer);
}

void SessionTable::TakeOver(SessionTable& other) {
  tree_.TakeOver(other.tree_);
  sessions_ = std::move(other.sessions_);
  idle_ = std::move(other.idle_);
  with_answers_ = std::move(other.with_answers_);
  answers_ = other.answers_;
  answer_bytes_ = other.answer_bytes_;
  use_counter_ = other.use_counter_;
}

}  // namespace tripla
