// SPDX-License-Identifier: Apache-2.0
#include "state/state_loader.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "state/state_machine_rep.h"
#include "tripla/key.h"

namespace tripla {
namespace {

absl::Status Damaged(std::string_view what) { return absl::DataLossError(std::string(what)); }

absl::Status CheckEqual(std::string_view what, uint64_t loaded, uint64_t expected) {
  if (loaded == expected) return absl::OkStatus();
  return Damaged(fmt::format("{}: {} found, {} expected", what, loaded, expected));
}

// For comparison in the order of the tree, as unsigned bytes.
std::string_view BytesOf(const ClientId& client) { return {client.data(), client.size()}; }

absl::Status CheckEntry(const Entry& entry) {
  if (entry.version() < 1 || entry.revision() < 1) {
    return Damaged(fmt::format("an entry has version {} and revision {}; both begin at 1",
                               entry.version(), entry.revision()));
  }
  if (!Key::FromOrderedBytes(entry.ordered_key()).ok()) {
    return Damaged("an entry's key is not the canonical form of an integer");
  }
  return absl::OkStatus();
}

}  // namespace

StateLoader::StateLoader(const SessionBounds& bounds)
    : rep_(std::make_unique<StateMachine::Rep>(bounds)), bounds_(bounds) {}
StateLoader::~StateLoader() = default;

absl::Status StateLoader::AddEntry(EntryRef entry) {
  TRIPLA_RETURN_IF_ERROR(CheckEntry(*entry));
  if (session_) return Damaged("an entry stands behind the sessions");
  if (rep_->keys != 0 && entry->ordered_key() <= last_key_) {
    return Damaged("the entries are not in ascending order of their keys");
  }
  last_key_ = entry->ordered_key();
  highest_revision_ = std::max(highest_revision_, entry->revision());
  rep_->hash.Add(*entry);
  ++rep_->keys;
  rep_->summary.payload_bytes += entry->payload_bytes();
  rep_->entries.Insert(std::move(entry).Release());
  return absl::OkStatus();
}

absl::Status StateLoader::AddSession(const SessionRow& session) {
  if (session_ && BytesOf(session.client) <= BytesOf(session_->client)) {
    return Damaged("the sessions are not in ascending order of their clients");
  }
  if (session.last_use == 0 || !uses_.insert(session.last_use).second) {
    return Damaged(fmt::format("a session's last use is {}, which is zero or another session's",
                               session.last_use));
  }
  highest_doubt_ = std::max(highest_doubt_, session.in_doubt_through);
  session_ = session;
  last_sequence_ = 0;
  last_run_.reset();
  rep_->sessions.Load(session);
  return absl::OkStatus();
}

absl::Status StateLoader::CheckAnswer(const AnswerRow& answer) const {
  if (!session_) return Damaged("an answer stands before the first session");
  if (answer.sequence <= last_sequence_ || last_run_) {
    return Damaged("the answers of a session are not in ascending order");
  }
  if (answer.outcome.replayed) return Damaged("a remembered answer says that it is a replay");
  return answer.outcome.entry ? CheckEntry(*answer.outcome.entry) : absl::OkStatus();
}

absl::Status StateLoader::AddAnswer(const AnswerRow& answer) {
  TRIPLA_RETURN_IF_ERROR(CheckAnswer(answer));
  last_sequence_ = answer.sequence;
  highest_revision_ = std::max(highest_revision_, answer.outcome.revision);
  rep_->sessions.Load(*session_, answer);
  return absl::OkStatus();
}

absl::Status StateLoader::CheckRun(const DecidedRun& run) const {
  if (!session_) return Damaged("a run stands before the first session");
  if (run.first == 0 || run.first > run.last) return Damaged("a run ends before it begins");
  if (last_run_ && (last_run_->last >= run.first || run.first - last_run_->last == 1)) {
    return Damaged("the runs of a session touch or are not in order");
  }
  if (rep_->sessions.HasAnswerIn(*session_, run)) return Damaged("an answer is dropped and there");
  return absl::OkStatus();
}

absl::Status StateLoader::AddRun(const DecidedRun& run) {
  TRIPLA_RETURN_IF_ERROR(CheckRun(run));
  last_run_ = run;
  rep_->sessions.Load(*session_, run);
  return absl::OkStatus();
}

absl::Status StateLoader::Prove(const StateSummary& summary) {
  StateMachine::Rep& rep = *rep_;
  rep.sessions.EndLoad(summary);
  rep.hash.ReplaceLevel(kFirstLevel, summary.level);
  StateSummary loaded;
  rep.sessions.Summarize(loaded);
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of entries", rep.keys, summary.keys));
  TRIPLA_RETURN_IF_ERROR(
      CheckEqual("bytes of entries", rep.summary.payload_bytes, summary.payload_bytes));
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of sessions", loaded.sessions, summary.sessions));
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of answers", loaded.answers, summary.answers));
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of runs", loaded.runs, summary.runs));
  if (highest_revision_ > summary.revision) {
    return Damaged(fmt::format("revision {} is higher than the last one given out, {}",
                               highest_revision_, summary.revision));
  }
  if (!uses_.empty() && *uses_.rbegin() > summary.use_counter) {
    return Damaged("a session was used later than the last use counted");
  }
  if (highest_doubt_ > summary.forgotten_through) {
    return Damaged("a session is in doubt about more than was ever forgotten");
  }
  if (rep.hash.value() != summary.hash) {
    return Damaged("the state hash of what was loaded differs from the one stored with it");
  }
  rep.summary = summary;
  return absl::OkStatus();
}

std::unique_ptr<StateMachine> StateLoader::Publish() {
  rep_->Publish();
  return std::unique_ptr<StateMachine>(new StateMachine(std::move(rep_)));
}

absl::StatusOr<std::unique_ptr<StateMachine>> StateLoader::Finish(const StateSummary& summary) {
  TRIPLA_RETURN_IF_ERROR(Prove(summary));
  return Publish();
}

absl::StatusOr<std::unique_ptr<StateMachine>> StateLoader::FinishFormat1(
    const StateSummary& summary) {
  TRIPLA_RETURN_IF_ERROR(Prove(summary));
  if (summary.sessions >= bounds_.clients) rep_->sessions.AssumeForgottenClients();
  return Publish();
}

}  // namespace tripla
