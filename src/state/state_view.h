// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "model/entry.h"
#include "model/outcome.h"
#include "state/entry_tree.h"
#include "state/id_row.h"
#include "state/state_summary.h"
#include "state/version_pins.h"
#include "tripla/key.h"

namespace tripla {

// A whole state at one moment, unchanged by later writes (R17).
//
//   for (StateView::EntryCursor cursor = view.Entries(); cursor.Valid(); cursor.Next()) { ... }
//
// Thread-safety: movable between threads; const access from many threads. Lifetime: the
// StateMachine outlives it. A view keeps entries that are replaced after it in memory.
class StateView {
 public:
  [[nodiscard]] const StateSummary& summary() const { return pin_->summary; }

  // The answer of `get` (R5) on this state.
  [[nodiscard]] Outcome Get(const Key& key) const;

  // All entries in the order of their keys as integers. References from a cursor are valid as long
  // as the view.
  class EntryCursor {
   public:
    [[nodiscard]] bool Valid() const { return cursor_.Valid(); }
    void Next() { cursor_.Next(); }
    [[nodiscard]] const Entry& entry() const { return cursor_.row(); }
    // As VersionedTree::Cursor::IsFound().
    [[nodiscard]] bool IsFound() const { return cursor_.IsFound(); }

   private:
    friend class StateView;
    explicit EntryCursor(const EntryTree::Cursor& cursor) : cursor_(cursor) {}
    EntryTree::Cursor cursor_;
  };
  [[nodiscard]] EntryCursor Entries() const;

  // All sessions in the order of their client ids, each with its answers by sequence and then its
  // runs.
  class SessionCursor {
   public:
    [[nodiscard]] bool Valid() const { return session_ != nullptr; }
    void Next();  // to the next session, past unread answers and runs
    [[nodiscard]] const SessionRow& session() const { return *session_; }

    // Reads the next answer of this session into `answer`; false when there is none left.
    [[nodiscard]] bool NextAnswer(AnswerRow& answer);
    // After its answers: reads the next of its runs; false when there is none left.
    [[nodiscard]] bool NextRun(DecidedRun& run);

   private:
    friend class StateView;
    explicit SessionCursor(const IdTree::Cursor& cursor)
        : cursor_(cursor), session_(cursor.Valid() ? &cursor.row().session() : nullptr) {}
    // Moves to the next row if it is of this kind.
    bool Advance(IdRow::Kind kind);

    IdTree::Cursor cursor_;
    const SessionRow* session_;
  };
  [[nodiscard]] SessionCursor Sessions() const;

 private:
  friend class StateMachine;
  explicit StateView(VersionPins::Pin pin) : pin_(std::move(pin)) {}

  VersionPins::Pin pin_;
};

}  // namespace tripla
