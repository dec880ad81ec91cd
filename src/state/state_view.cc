// SPDX-License-Identifier: Apache-2.0
#include "state/state_view.h"

#include "state/state_machine_rep.h"

namespace tripla {

Outcome StateView::Get(const Key& key) const { return GetFrom(*pin_, key); }

StateView::EntryCursor StateView::Entries() const {
  return EntryCursor(EntryTree::Cursor(pin_->entries, ""));
}

StateView::SessionCursor StateView::Sessions() const {
  return SessionCursor(IdTree::Cursor(pin_->ids, ""));
}

void StateView::SessionCursor::Next() {
  do {
    cursor_.Next();
  } while (cursor_.Valid() && cursor_.row().kind() != IdRow::Kind::kSession);
  session_ = cursor_.Valid() ? &cursor_.row().session() : nullptr;
}

bool StateView::SessionCursor::Advance(IdRow::Kind kind) {
  IdTree::Cursor next = cursor_;
  next.Next();
  if (!next.Valid() || next.row().kind() != kind) return false;
  cursor_ = next;
  return true;
}

bool StateView::SessionCursor::NextAnswer(AnswerRow& answer) {
  if (!Advance(IdRow::Kind::kAnswer)) return false;
  answer = cursor_.row().answer();
  return true;
}

bool StateView::SessionCursor::NextRun(DecidedRun& run) {
  if (!Advance(IdRow::Kind::kRun)) return false;
  run = cursor_.row().run();
  return true;
}

}  // namespace tripla
