// SPDX-License-Identifier: Apache-2.0
#include "state/state_proof.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "tripla/key.h"

namespace tripla {
namespace {

absl::Status Damaged(std::string_view what) { return absl::DataLossError(std::string(what)); }

absl::Status CheckEqual(std::string_view what, uint64_t found, uint64_t expected) {
  if (found == expected) return absl::OkStatus();
  return Damaged(fmt::format("{}: {} found, {} expected", what, found, expected));
}

// For comparison in the order of the tree, as unsigned bytes.
std::string_view BytesOf(const ClientId& client) { return {client.data(), client.size()}; }

absl::Status CheckNumbersOf(const Entry& entry) {
  if (entry.version() >= 1 && entry.revision() >= 1) return absl::OkStatus();
  return Damaged(fmt::format("an entry has version {} and revision {}; both begin at 1",
                             entry.version(), entry.revision()));
}

absl::Status CheckKeyOf(const Entry& entry) {
  if (Key::FromOrderedBytes(entry.ordered_key()).ok()) return absl::OkStatus();
  return Damaged("an entry's key is not the canonical form of an integer");
}

IdRow RowOf(const ClientId& client, IdRow::Kind kind, uint64_t sequence,
            decltype(IdRow::content) content) {
  return {.key = IdRow::MakeKey(client, kind, sequence), .content = std::move(content)};
}

}  // namespace

absl::Status StateProof::Add(const Entry& entry) {
  TRIPLA_RETURN_IF_ERROR(CheckKeyOf(entry));
  return AddCanonical(entry);
}

absl::Status StateProof::AddCanonical(const Entry& entry) {
  TRIPLA_RETURN_IF_ERROR(CheckNumbersOf(entry));
  if (session_) return Damaged("an entry stands behind the sessions");
  if (seen_.keys != 0 && entry.ordered_key() <= last_key_) {
    return Damaged("the entries are not in ascending order of their keys");
  }
  last_key_ = entry.ordered_key();
  seen_.revision = std::max(seen_.revision, entry.revision());
  ++seen_.keys;
  seen_.payload_bytes += entry.payload_bytes();
  hash_.Add(entry);
  return absl::OkStatus();
}

absl::Status StateProof::Add(const StateView::EntryCursor& cursor) {
  if (!cursor.IsFound()) return Damaged("a search for an entry does not find it");
  return AddCanonical(cursor.entry());
}

absl::Status StateProof::Add(const SessionRow& session) {
  if (session_ && BytesOf(session.client) <= BytesOf(session_->client)) {
    return Damaged("the sessions are not in ascending order of their clients");
  }
  seen_.use_counter = std::max(seen_.use_counter, session.last_use);
  seen_.forgotten_through = std::max(seen_.forgotten_through, session.in_doubt_through);
  ++seen_.sessions;
  session_ = session;
  last_sequence_ = 0;
  last_run_.reset();
  hash_.Add(RowOf(session.client, IdRow::Kind::kSession, 0, session));
  return absl::OkStatus();
}

absl::Status StateProof::Add(const AnswerRow& answer) {
  if (!session_) return Damaged("an answer stands before the first session");
  if (answer.sequence <= last_sequence_ || last_run_) {
    return Damaged("the answers of a session are not in ascending order");
  }
  if (answer.outcome.replayed) return Damaged("a remembered answer says that it is a replay");
  if (const Entry* entry = answer.outcome.entry.get(); entry != nullptr) {
    TRIPLA_RETURN_IF_ERROR(CheckNumbersOf(*entry));
    TRIPLA_RETURN_IF_ERROR(CheckKeyOf(*entry));
  }
  last_sequence_ = answer.sequence;
  seen_.revision = std::max(seen_.revision, answer.outcome.revision);
  ++seen_.answers;
  hash_.Add(RowOf(session_->client, IdRow::Kind::kAnswer, answer.sequence, answer));
  return absl::OkStatus();
}

absl::Status StateProof::Add(const DecidedRun& run) {
  if (!session_) return Damaged("a run stands before the first session");
  if (run.first == 0 || run.first > run.last) return Damaged("a run ends before it begins");
  if (last_run_ && (last_run_->last >= run.first || run.first - last_run_->last == 1)) {
    return Damaged("the runs of a session touch or are not in order");
  }
  last_run_ = run;
  ++seen_.runs;
  hash_.Add(RowOf(session_->client, IdRow::Kind::kRun, run.last, run));
  return absl::OkStatus();
}

absl::Status StateProof::CheckNumbers(const StateSummary& summary) const {
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of entries", seen_.keys, summary.keys));
  TRIPLA_RETURN_IF_ERROR(
      CheckEqual("bytes of entries", seen_.payload_bytes, summary.payload_bytes));
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of sessions", seen_.sessions, summary.sessions));
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of answers", seen_.answers, summary.answers));
  TRIPLA_RETURN_IF_ERROR(CheckEqual("number of runs", seen_.runs, summary.runs));
  if (seen_.revision > summary.revision) {
    return Damaged(fmt::format("revision {} is higher than the last one given out, {}",
                               seen_.revision, summary.revision));
  }
  if (seen_.use_counter > summary.use_counter) {
    return Damaged("a session was used later than the last use counted");
  }
  if (seen_.forgotten_through > summary.forgotten_through) {
    return Damaged("a session is in doubt about more than was ever forgotten");
  }
  return absl::OkStatus();
}

absl::Status StateProof::Finish(const StateSummary& summary) const {
  TRIPLA_RETURN_IF_ERROR(CheckNumbers(summary));
  StateHashSum hash = hash_;
  hash.ReplaceForgotten(0, summary.forgotten_through);
  hash.ReplaceLevel(kFirstLevel, summary.level);
  if (hash.value() == summary.hash) return absl::OkStatus();
  return Damaged("the state hash of what is there differs from the one stored with it");
}

}  // namespace tripla
