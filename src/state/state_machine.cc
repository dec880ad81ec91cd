// SPDX-License-Identifier: Apache-2.0
#include "state/state_machine.h"

#include <limits>
#include <memory>
#include <utility>

#include "base/check.h"
#include "state/state_machine_rep.h"

namespace tripla {

StateMachine::Rep::Rep(const SessionBounds& bounds)
    : reclaimer(std::make_unique<Version>()),
      entries(reclaimer),
      sessions(reclaimer, hash, bounds) {}

void StateMachine::Rep::Publish() {
  summary.keys = keys;
  sessions.Summarize(summary);
  summary.hash = hash.value();
  auto version = std::make_unique<Version>();
  version->entries = entries.root();
  version->ids = sessions.root();
  version->summary = summary;
  reclaimer.Publish(std::move(version));
#ifndef NDEBUG
  // So seldom that it costs some rows and bytes for each publication, however many there are.
  constexpr uint64_t kRowsAtATime = 64;
  constexpr uint64_t kBytesAtATime = 64 << 10;
  constexpr uint64_t kRowsOfASmallState = 1000;
  const uint64_t rows = keys + summary.sessions + summary.answers + summary.runs;
  const uint64_t bytes = summary.payload_bytes + summary.answer_bytes;
  const uint64_t period = 1 + rows / kRowsAtATime + bytes / kBytesAtATime;
  if (rows < kRowsOfASmallState && summary.position.index % period == 0) CheckInvariants();
#endif
}

void StateMachine::Rep::CheckInvariants() const {
  TRIPLA_CHECK(entries.CheckInvariants() == keys, "as many entries as are counted");
  sessions.CheckInvariants();
  reclaimer.CheckInvariants();
  StateHashSum sum;
  uint64_t bytes = 0;
  for (EntryTree::Cursor cursor(entries.root(), ""); cursor.Valid(); cursor.Next()) {
    sum.Add(cursor.row());
    bytes += cursor.row().payload_bytes();
    TRIPLA_CHECK(cursor.row().revision() <= summary.revision, "no entry is from later");
  }
  for (IdTree::Cursor cursor(sessions.root(), ""); cursor.Valid(); cursor.Next()) {
    sum.Add(cursor.row());
  }
  sum.ReplaceForgotten(0, summary.forgotten_through);
  sum.ReplaceLevel(kFirstLevel, summary.level);
  TRIPLA_CHECK(sum.value() == summary.hash, "the hash kept by differences is the hash of it all");
  TRIPLA_CHECK(bytes == summary.payload_bytes, "bytes of entries are counted");
}

Outcome StateMachine::Rep::Decide(const Command& command) {
  Outcome outcome = command.request_id ? sessions.Once(command, [&] { return Execute(command); })
                                       : Execute(command);
  if (command.short_of_disk) sessions.MakeRoom(summary.payload_bytes);
  return outcome;
}

Outcome StateMachine::Rep::Execute(const Command& command) {
  const Entry* stored = entries.Find(command.key.ordered_bytes());
  switch (command.kind) {
    case CommandKind::kSet:
      return Set(command, stored);
    case CommandKind::kGet:
      return Reported(stored != nullptr ? Result::kSuccess : Result::kError, stored);
    case CommandKind::kDel:
      return stored != nullptr ? Delete(*stored) : Reported(Result::kError, nullptr);
    case CommandKind::kDelVersion:
      if (stored == nullptr) return Reported(Result::kNoEntry, nullptr);
      return Matches(command, *stored) ? Delete(*stored) : Reported(Result::kWrongVersion, stored);
    case CommandKind::kTestAndSet:
      return TestAndSet(command, stored);
    case CommandKind::kRaiseLevel:
      return RaiseLevel(static_cast<Level>(command.version));
  }
  CheckFailed(__FILE__, __LINE__, "kind", "the log refuses kinds it does not know");
}

Outcome StateMachine::Rep::Set(const Command& command, const Entry* stored) {
  if (stored != nullptr) return Reported(Result::kError, stored);
  EntryRef entry = NewEntry(command, 1);
  hash.Add(*entry);
  ++keys;
  summary.payload_bytes += entry->payload_bytes();
  entries.Insert(std::move(entry).Release());
  return {.revision = summary.revision};
}

Outcome StateMachine::Rep::Delete(const Entry& stored) {
  Outcome outcome{.entry = EntryRef::Share(&stored), .revision = ++summary.revision};
  hash.Remove(stored);
  --keys;
  summary.payload_bytes -= stored.payload_bytes();
  entries.Remove(stored.ordered_key());
  return outcome;
}

Outcome StateMachine::Rep::TestAndSet(const Command& command, const Entry* stored) {
  if (stored == nullptr) return Reported(Result::kNoEntry, nullptr);
  if (!Matches(command, *stored)) return Reported(Result::kWrongVersion, stored);
  if (stored->version() == std::numeric_limits<int64_t>::max()) {
    return {.refusal = Refusal::kVersionExhausted};
  }
  Outcome outcome{.entry = EntryRef::Share(stored)};
  EntryRef entry = NewEntry(command, stored->version() + 1);
  outcome.revision = summary.revision;
  hash.Remove(*stored);
  hash.Add(*entry);
  summary.payload_bytes += entry->payload_bytes() - stored->payload_bytes();
  entries.Replace(std::move(entry).Release());
  return outcome;
}

Outcome StateMachine::Rep::RaiseLevel(Level level) {
  if (level == summary.level + 1) {
    hash.ReplaceLevel(summary.level, level);
    summary.level = level;
  }
  return Reported(Result::kSuccess, nullptr);
}

EntryRef StateMachine::Rep::NewEntry(const Command& command, int64_t version) {
  return Entry::Create(
      {.version = version, .timestamp = command.timestamp, .revision = ++summary.revision},
      command.key.ordered_bytes(), command.data);
}

bool StateMachine::Rep::Matches(const Command& command, const Entry& stored) {
  return stored.version() == command.version &&
         (command.if_revision == 0 || stored.revision() == command.if_revision);
}

Outcome StateMachine::Rep::Reported(Result result, const Entry* stored) const {
  return ReportedOutcome(result, stored, summary.revision);
}

StateMachine::StateMachine(const SessionBounds& bounds) : rep_(std::make_unique<Rep>(bounds)) {}
StateMachine::StateMachine(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
StateMachine::~StateMachine() = default;

std::vector<Outcome> StateMachine::Apply(LogPosition position, const Batch& batch) {
  TRIPLA_CHECK(position.index == rep_->summary.position.index + 1, "the log skipped a place");
  std::vector<Outcome> outcomes;
  outcomes.reserve(batch.commands.size());
  for (const Command& command : batch.commands) outcomes.push_back(rep_->Decide(command));
  rep_->summary.position = position;
  rep_->Publish();
  return outcomes;
}

void StateMachine::Install(std::unique_ptr<StateMachine> loaded) {
  Rep& from = *loaded->rep_;
  TRIPLA_CHECK(from.summary.position.index > rep_->summary.position.index,
               "an image never takes a replica back");
  rep_->entries.Install(from.entries);
  rep_->sessions.Install(from.sessions);
  rep_->hash = from.hash;
  rep_->keys = from.keys;
  rep_->summary = from.summary;
  rep_->Publish();
}

void StateMachine::BeginAnew(LogPosition position, uint64_t revision) {
  TRIPLA_CHECK(revision >= rep_->summary.revision, "no revision is given out twice");
  rep_->summary.position = position;
  rep_->summary.revision = revision;
  rep_->Publish();
}

Outcome StateMachine::Get(const Key& key) const {
  const VersionPins::Pin pin = rep_->reclaimer.Pin();
  return GetFrom(*pin, key);
}

std::optional<Outcome> StateMachine::Recall(const Command& command) const {
  return SessionTable::Recall(rep_->reclaimer.Pin()->ids, command);
}

StateView StateMachine::Freeze() const { return StateView(rep_->reclaimer.Pin()); }

StateSummary StateMachine::GetSummary() const { return rep_->reclaimer.Pin()->summary; }

void StateMachine::Reclaim() { rep_->reclaimer.Reclaim(); }

size_t StateMachine::waiting() const { return rep_->reclaimer.waiting(); }

void StateMachine::CheckInvariants() const { rep_->CheckInvariants(); }

}  // namespace tripla
