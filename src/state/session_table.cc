// SPDX-License-Identifier: Apache-2.0
#include "state/session_table.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

using Kind = IdRow::Kind;

constexpr uint64_t kLastSequence = std::numeric_limits<uint64_t>::max();

uint64_t FloorAbove(uint64_t sequence) {
  return sequence == kLastSequence ? sequence : sequence + 1;
}

}  // namespace

IdRow::KeyBytes IdRow::MakeKey(const ClientId& client, Kind kind, uint64_t sequence) {
  KeyBytes key;
  auto next = std::copy(client.begin(), client.end(), key.begin());
  *next++ = static_cast<char>(kind);
  for (int shift = 56; shift >= 0; shift -= 8) *next++ = static_cast<char>(sequence >> shift);
  return key;
}

SessionTable::SessionTable(Reclaimer& reclaimer, StateHashSum& sum, const SessionBounds& bounds)
    : bounds_(bounds), tree_(reclaimer), reclaimer_(reclaimer), sum_(sum) {
  TRIPLA_CHECK(bounds.clients >= 1 && bounds.answers_per_client >= 1, "one client has an answer");
  TRIPLA_CHECK(bounds.answer_bytes >= (bounds.runs_per_client() + 1) * kRowBytes,
               "one client's rows without data have room");
}

size_t SessionTable::BytesOf(const AnswerRow& answer) {
  const EntryRef& entry = answer.outcome.entry;
  return kRowBytes + (entry ? entry->payload_bytes() : 0);
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

// -- Deciding --

bool SessionTable::IsOfForgottenClient(const RequestId& id) const {
  return id.sent_before && forgotten_through_ != 0 && !sessions_.contains(id.client);
}

SessionTable::Place SessionTable::FindOrBegin(const ClientId& client) {
  const auto [found, added] = sessions_.try_emplace(client);
  if (added) {
    found->second =
        unfinished_.Add({.row = {.client = client, .in_doubt_through = forgotten_through_}});
  }
  return found->second;
}

bool SessionTable::WasDecided(const Session& session, uint64_t sequence) const {
  const uint64_t floor = session.row.forgotten_below;
  if (sequence < floor || floor == kLastSequence) return true;
  if (session.count[Session::kRuns] == 0) return false;
  const IdRow* run = FirstFrom(session, Kind::kRun, sequence);
  return run != nullptr && run->run().first <= sequence;
}

std::optional<Outcome> SessionTable::Recall(const TreeNode* ids, const Command& command) {
  return Recall(ids, *command.request_id, FingerprintOf(command));
}

std::optional<Outcome> SessionTable::Recall(const TreeNode* ids, const RequestId& id,
                                            const Fingerprint& fingerprint) {
  const IdRow::KeyBytes key = IdRow::MakeKey(id.client, Kind::kAnswer, id.sequence);
  const IdRow* row = IdTree::Find(ids, {key.data(), key.size()});
  if (row == nullptr) return std::nullopt;
  Outcome outcome = row->answer().outcome;
  if (row->answer().fingerprint != fingerprint) {
    outcome.replayed = outcome.refusal == Refusal::kNone;
    outcome.refusal = Refusal::kRequestIdReused;
    return outcome;
  }
  outcome.replayed = true;
  return outcome;
}

Outcome SessionTable::Recall(const Session& session, const RequestId& id,
                             const Fingerprint& fingerprint) const {
  if (std::optional<Outcome> known = Recall(tree_.root(), id, fingerprint)) {
    return *std::move(known);
  }
  if (WasDecided(session, id.sequence)) return {.refusal = Refusal::kAnswerForgotten};
  if (id.sent_before && id.sequence <= session.row.in_doubt_through) {
    return {.refusal = Refusal::kClientForgotten};
  }
  return {};
}

void SessionTable::Remember(Session& session, const AnswerRow& answer) {
  Insert(IdRow::MakeKey(session.row.client, Kind::kAnswer, answer.sequence), answer);
  ++session.count[Session::kAnswers];
  ++count_[Session::kAnswers];
  bytes_ += BytesOf(answer);
  session.highest_sequence = std::max(session.highest_sequence, answer.sequence);
}

void SessionTable::EndCommand(Place session, const RequestId& id) {
  ForgetReceived(*session, id);
  SessionQueue& from = QueueOf(*session);
  session->row.finished = id.first_unanswered > std::max(session->highest_sequence, id.sequence);
  session->row.last_use = ++use_counter_;
  QueueOf(*session).Append(from, session);
  KeepBounds(session);
  Store(*session);
}

// -- Forgetting --

void SessionTable::ForgetReceived(Session& session, const RequestId& id) {
  // A client that speaks has not received the answer to what it asks now.
  const uint64_t received = std::min(id.first_unanswered, id.sequence);
  if (received <= session.row.forgotten_below) return;
  session.row.forgotten_below = received;
  session.highest_sequence = std::max(session.highest_sequence, received);
  for (const Kind kind : {Kind::kAnswer, Kind::kRun}) {
    while (session.count[kind == Kind::kRun ? Session::kRuns : Session::kAnswers] != 0) {
      const IdRow* row = FirstFrom(session, kind, 0);
      const uint64_t last = kind == Kind::kRun ? row->run().last : row->answer().sequence;
      if (last >= received) break;
      RemoveRow(session, *row);
    }
  }
}

void SessionTable::KeepBounds(Place current) {
  while (current->count[Session::kAnswers] > bounds_.answers_per_client) DropAnswer(*current);
  while (bytes_ > bounds_.answer_bytes && count_[Session::kAnswers] != 0) DropIdleAnswer();
  while (current->count[Session::kRuns] > bounds_.runs_per_client()) DropRun(*current);
  while (bytes_ > bounds_.answer_bytes) {
    const Session* session = LongestIdleWith(Session::kRuns, &*current);
    TRIPLA_CHECK(session != nullptr, "one client's rows without data have room");
    ForgetClient(sessions_.at(session->row.client));
  }
  while (sessions_.size() > bounds_.clients) ForgetClient(NextToForget(current));
}

uint64_t SessionTable::DataBytes() const {
  return bytes_ - kRowBytes * (count_[Session::kAnswers] + count_[Session::kRuns]);
}

void SessionTable::MakeRoom(uint64_t map_bytes) {
  const uint64_t allowed = std::max(map_bytes, bounds_.data_bytes_short_of_disk);
  while (DataBytes() > allowed && count_[Session::kAnswers] > 1) DropIdleAnswer();
}

void SessionTable::DropIdleAnswer() {
  Session& session = *LongestIdleWith(Session::kAnswers, nullptr);
  DropAnswer(session);
  while (session.count[Session::kRuns] > bounds_.runs_per_client()) DropRun(session);
  Store(session);
}

void SessionTable::DropAnswer(Session& session) {
  const IdRow* row = FirstFrom(session, Kind::kAnswer, 0);
  TRIPLA_CHECK(row != nullptr, "a session counts answers it lacks");
  const uint64_t sequence = row->answer().sequence;
  RemoveRow(session, *row);
  if (sequence >= session.row.forgotten_below) AddToRuns(session, sequence);
}

void SessionTable::AddToRuns(Session& session, uint64_t sequence) {
  DecidedRun run{.first = sequence, .last = sequence};
  const IdRow::KeyBytes before = IdRow::MakeKey(session.row.client, Kind::kRun, sequence - 1);
  if (const IdRow* row = tree_.Find({before.data(), before.size()})) {
    run.first = row->run().first;
    RemoveRow(session, *row);
  }
  const IdRow* behind = FirstFrom(session, Kind::kRun, sequence);
  if (behind != nullptr && behind->run().first == FloorAbove(sequence)) {
    run.last = behind->run().last;
    Replace(*behind, run);
  } else {
    InsertRun(session, run);
  }
}

void SessionTable::DropRun(Session& session) {
  const IdRow* row = FirstFrom(session, Kind::kRun, 0);
  TRIPLA_CHECK(row != nullptr, "a session counts runs it lacks");
  uint64_t& floor = session.row.forgotten_below;
  floor = std::max(floor, FloorAbove(row->run().last));
  RemoveRow(session, *row);
}

void SessionTable::ForgetClient(Place session) {
  const uint64_t through = std::max(forgotten_through_, session->highest_sequence);
  sum_.ReplaceForgotten(std::exchange(forgotten_through_, through), through);
  for (const Kind kind : {Kind::kAnswer, Kind::kRun}) {
    while (const IdRow* row = FirstFrom(*session, kind, 0)) RemoveRow(*session, *row);
  }
  const IdRow::KeyBytes key = IdRow::MakeKey(session->row.client, Kind::kSession, 0);
  Remove(*tree_.Find({key.data(), key.size()}));
  sessions_.erase(session->row.client);
  QueueOf(*session).Remove(session);
}

Session* SessionTable::LongestIdleWith(Session::Held held, const Session* except) {
  for (SessionQueue* queue : {&finished_, &unfinished_}) {
    const Place found = queue->LongestIdleWith(held);
    if (found != queue->end() && &*found != except) return &*found;
  }
  return nullptr;
}

SessionTable::Place SessionTable::NextToForget(Place current) {
  const bool finished = !finished_.empty() && finished_.begin() != current;
  const Place next = finished ? finished_.begin() : unfinished_.begin();
  TRIPLA_CHECK(next != unfinished_.end() && next != current, "another client is there");
  return next;
}

// -- Rows --

const IdRow* SessionTable::FirstFrom(const Session& session, Kind kind, uint64_t from) const {
  const IdRow::KeyBytes key = IdRow::MakeKey(session.row.client, kind, from);
  const IdTree::Cursor cursor(tree_.root(), {key.data(), key.size()});
  if (!cursor.Valid()) return nullptr;
  const IdRow& row = cursor.row();
  return row.kind() == kind && row.BelongsTo(session.row.client) ? &row : nullptr;
}

void SessionTable::Insert(const IdRow::KeyBytes& key, decltype(IdRow::content) content) {
  const auto* row =
      new IdRow{.birth = reclaimer_.newest().number + 1, .key = key, .content = std::move(content)};
  sum_.Add(*row);
  tree_.Insert(row);
}

void SessionTable::Replace(const IdRow& stored, decltype(IdRow::content) content) {
  const auto* row = new IdRow{
      .birth = reclaimer_.newest().number + 1, .key = stored.key, .content = std::move(content)};
  sum_.Remove(stored);
  sum_.Add(*row);
  tree_.Replace(row);
}

void SessionTable::Remove(const IdRow& row) {
  sum_.Remove(row);
  tree_.Remove(row.ordered_key());
}

void SessionTable::InsertRun(Session& session, const DecidedRun& run) {
  Insert(IdRow::MakeKey(session.row.client, Kind::kRun, run.last), run);
  ++session.count[Session::kRuns];
  ++count_[Session::kRuns];
  bytes_ += kRowBytes;
  session.highest_sequence = std::max(session.highest_sequence, run.last);
}

void SessionTable::RemoveRow(Session& session, const IdRow& row) {
  const bool is_run = row.kind() == Kind::kRun;
  const Session::Held held = is_run ? Session::kRuns : Session::kAnswers;
  bytes_ -= is_run ? kRowBytes : BytesOf(row.answer());
  --session.count[held];
  --count_[held];
  Remove(row);
}

void SessionTable::Store(const Session& session) {
  const IdRow::KeyBytes key = IdRow::MakeKey(session.row.client, Kind::kSession, 0);
  if (const IdRow* stored = tree_.Find({key.data(), key.size()})) {
    if (stored->session() != session.row) Replace(*stored, session.row);
  } else {
    Insert(key, session.row);
  }
}

// -- Images --

void SessionTable::Load(const SessionRow& session) {
  SessionQueue& queue = session.finished ? finished_ : unfinished_;
  sessions_[session.client] =
      queue.Add({.row = session, .highest_sequence = session.forgotten_below});
  Insert(IdRow::MakeKey(session.client, Kind::kSession, 0), session);
}

void SessionTable::Load(const SessionRow& session, const AnswerRow& answer) {
  Remember(*sessions_.at(session.client), answer);
}

void SessionTable::Load(const SessionRow& session, const DecidedRun& run) {
  InsertRun(*sessions_.at(session.client), run);
}

bool SessionTable::HasAnswerIn(const SessionRow& session, const DecidedRun& run) const {
  const IdRow* answer = FirstFrom(*sessions_.at(session.client), Kind::kAnswer, run.first);
  return answer != nullptr && answer->answer().sequence <= run.last;
}

void SessionTable::EndLoad(const StateSummary& summary) {
  use_counter_ = summary.use_counter;
  forgotten_through_ = summary.forgotten_through;
  sum_.ReplaceForgotten(0, forgotten_through_);
  std::vector<Place> order;
  order.reserve(sessions_.size());
  for (const auto& [client, session] : sessions_) order.push_back(session);
  std::ranges::sort(order, {}, [](Place session) { return session->row.last_use; });
  for (const Place session : order) QueueOf(*session).Append(QueueOf(*session), session);
}

void SessionTable::AssumeForgottenClients() {
  sum_.ReplaceForgotten(std::exchange(forgotten_through_, kLastSequence), kLastSequence);
  for (const auto& [client, session] : sessions_) {
    session->row.in_doubt_through = kLastSequence;
    Store(*session);
  }
}

void SessionTable::Install(SessionTable& other) {
  TRIPLA_CHECK(bounds_ == other.bounds_, "bounds decide results");
  tree_.Install(other.tree_);
  for (const auto queue : {&SessionTable::finished_, &SessionTable::unfinished_}) {
    while (!(this->*queue).empty()) (this->*queue).Remove((this->*queue).begin());
    while (!(other.*queue).empty()) (this->*queue).Append(other.*queue, (other.*queue).begin());
  }
  sessions_ = std::move(other.sessions_);
  count_ = other.count_;
  bytes_ = other.bytes_;
  use_counter_ = other.use_counter_;
  forgotten_through_ = other.forgotten_through_;
}

void SessionTable::Summarize(StateSummary& summary) const {
  summary.sessions = sessions_.size();
  summary.answers = count_[Session::kAnswers];
  summary.runs = count_[Session::kRuns];
  summary.use_counter = use_counter_;
  summary.forgotten_through = forgotten_through_;
  summary.answer_bytes = bytes_;
}

}  // namespace tripla
