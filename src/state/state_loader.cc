// SPDX-License-Identifier: Apache-2.0
#include "state/state_loader.h"

#include <fmt/core.h>

#include <utility>

#include "base/status_macros.h"
#include "state/state_machine_rep.h"

namespace tripla {

StateLoader::StateLoader(const SessionBounds& bounds)
    : rep_(std::make_unique<StateMachine::Rep>(bounds)), bounds_(bounds) {}
StateLoader::~StateLoader() = default;

absl::Status StateLoader::AddEntry(EntryRef entry) {
  TRIPLA_RETURN_IF_ERROR(proof_.Add(*entry));
  rep_->entries.Insert(std::move(entry).Release());
  return absl::OkStatus();
}

absl::Status StateLoader::AddSession(const SessionRow& session) {
  TRIPLA_RETURN_IF_ERROR(proof_.Add(session));
  if (session.last_use == 0 || !uses_.insert(session.last_use).second) {
    return absl::DataLossError(fmt::format(
        "a session's last use is {}, which is zero or another session's", session.last_use));
  }
  session_ = session;
  rep_->sessions.Load(session);
  return absl::OkStatus();
}

absl::Status StateLoader::AddAnswer(const AnswerRow& answer) {
  TRIPLA_RETURN_IF_ERROR(proof_.Add(answer));
  rep_->sessions.Load(session_, answer);
  return absl::OkStatus();
}

absl::Status StateLoader::AddRun(const DecidedRun& run) {
  TRIPLA_RETURN_IF_ERROR(proof_.Add(run));
  if (rep_->sessions.HasAnswerIn(session_, run)) {
    return absl::DataLossError("an answer is dropped and there");
  }
  rep_->sessions.Load(session_, run);
  return absl::OkStatus();
}

absl::Status StateLoader::Prove(const StateSummary& summary) {
  TRIPLA_RETURN_IF_ERROR(proof_.Finish(summary));
  rep_->sessions.EndLoad(summary);
  rep_->keys = summary.keys;
  rep_->summary = summary;
  rep_->hash = StateHashSum(summary.hash);  // the entries' part was only computed by the proof
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
