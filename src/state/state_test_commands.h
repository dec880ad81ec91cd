// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "model/command.h"
#include "model/outcome.h"
#include "state/state_loader.h"
#include "state/state_machine.h"
#include "tripla/key.h"

// Shared by the tests of the state machine.
namespace tripla {

inline Command Make(CommandKind kind, const std::string& key, int64_t version = 0,
                    std::string data = "") {
  return {.kind = kind, .key = *Key::Parse(key), .timestamp = 7, .version = version, .data = data};
}
inline std::string Text(const Outcome& outcome) {
  if (outcome.refusal != Refusal::kNone) {
    return "refused " + std::to_string(static_cast<int>(outcome.refusal));
  }
  std::string text = std::to_string(static_cast<int>(outcome.result)) + "@" +
                     std::to_string(outcome.revision) + (outcome.replayed ? " again" : "");
  if (!outcome.entry) return text + " null";
  return text + " (" + std::to_string(outcome.entry->version()) + "," +
         std::string(outcome.entry->data()) + ")";
}

// Adds the content of a view, as the reader of an image would.
inline absl::Status AddAll(const StateView& view, StateLoader& loader) {
  for (StateView::EntryCursor cursor = view.Entries(); cursor.Valid(); cursor.Next()) {
    TRIPLA_RETURN_IF_ERROR(loader.AddEntry(EntryRef::Share(&cursor.entry())));
  }
  AnswerRow answer;
  DecidedRun run;
  for (StateView::SessionCursor cursor = view.Sessions(); cursor.Valid(); cursor.Next()) {
    TRIPLA_RETURN_IF_ERROR(loader.AddSession(cursor.session()));
    while (cursor.NextAnswer(answer)) TRIPLA_RETURN_IF_ERROR(loader.AddAnswer(answer));
    while (cursor.NextRun(run)) TRIPLA_RETURN_IF_ERROR(loader.AddRun(run));
  }
  return absl::OkStatus();
}

inline absl::StatusOr<std::unique_ptr<StateMachine>> Reload(const StateView& view,
                                                            const SessionBounds& bounds = {}) {
  StateLoader loader(bounds);
  TRIPLA_RETURN_IF_ERROR(AddAll(view, loader));
  return loader.Finish(view.summary());
}

}  // namespace tripla
