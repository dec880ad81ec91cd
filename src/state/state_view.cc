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
  } while (cursor_.Valid() && !cursor_.row().is_session());
  session_ = cursor_.Valid() ? &cursor_.row().session() : nullptr;
}

bool StateView::SessionCursor::NextAnswer(AnswerRow& answer) {
  IdTree::Cursor next = cursor_;
  next.Next();
  if (!next.Valid() || next.row().is_session()) return false;
  cursor_ = next;
  answer = cursor_.row().answer();
  return true;
}

}  // namespace tripla
