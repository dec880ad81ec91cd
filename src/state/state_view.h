// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "model/command.h"
#include "model/entry.h"
#include "model/log_position.h"
#include "model/outcome.h"

namespace tripla {

// A 128-bit sum over everything in a state, in any order (design 11): equal states have equal
// hashes. Little-endian; 0 for the empty state.
using StateHash = std::array<uint8_t, 16>;

// What there is to say about one state in a few numbers. Part of every image.
struct StateSummary {
  LogPosition position;   // of the last batch applied
  uint64_t revision = 0;  // changes so far; adds one with each, never repeats (R9)
  uint64_t keys = 0;
  uint64_t payload_bytes = 0;  // keys (ordered form) and data of all entries
  uint64_t sessions = 0;       // clients whose request ids are remembered
  uint64_t answers = 0;        // request ids remembered
  uint64_t use_counter = 0;    // last SessionRow::last_use given out
  StateHash hash{};

  friend bool operator==(const StateSummary&, const StateSummary&) = default;
};

// One client whose request ids are remembered (R13).
struct SessionRow {
  ClientId client{};
  uint64_t last_use =
      0;  // counts id-carrying commands in log order; unique; the lowest is the longest idle
  uint64_t forgotten_below =
      0;  // sequences below are answered with kAnswerForgotten unless remembered

  friend bool operator==(const SessionRow&, const SessionRow&) = default;
};

// The remembered answer to one request id of the session before it.
struct AnswerRow {
  uint64_t sequence = 0;
  std::array<uint8_t, 16> fingerprint{};  // XXH3-128 of the request's canonical body
  Outcome outcome;                        // `replayed` is false
};

// A whole state at one moment, which stays as it is while writes go on (R17).
//
//   for (StateView::EntryCursor cursor = view.Entries(); cursor.Valid(); cursor.Next()) { ... }
//
// Thread-safety: movable between threads; const access from many threads. Lifetime: the
// StateMachine outlives it. Holding one keeps what has been changed since in memory.
class StateView {
 public:
  StateView(StateView&&) noexcept;
  StateView& operator=(StateView&&) noexcept;
  ~StateView();

  [[nodiscard]] const StateSummary& summary() const;

  // The answer of `get` (R5) on this state.
  [[nodiscard]] Outcome Get(const Key& key) const;

  // All entries in the order of their keys as integers. The entries a cursor shows live as long as
  // the view.
  class EntryCursor;
  [[nodiscard]] EntryCursor Entries() const;

  // All sessions in the order of their client ids, each with its answers by sequence.
  class SessionCursor;
  [[nodiscard]] SessionCursor Sessions() const;

 private:
  friend class StateMachine;
  struct Rep;
  explicit StateView(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

class StateView::EntryCursor {
 public:
  EntryCursor(EntryCursor&&) noexcept;
  ~EntryCursor();
  [[nodiscard]] bool Valid() const;
  void Next();
  [[nodiscard]] const Entry& entry() const;

 private:
  friend class StateView;
  struct Rep;
  explicit EntryCursor(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

// Shows one session at a time, then, through NextAnswer(), its answers.
class StateView::SessionCursor {
 public:
  SessionCursor(SessionCursor&&) noexcept;
  ~SessionCursor();
  [[nodiscard]] bool Valid() const;
  void Next();  // to the next session, past unread answers
  [[nodiscard]] const SessionRow& session() const;

  // Reads the next answer of this session into `answer`; false when there is none left.
  [[nodiscard]] bool NextAnswer(AnswerRow& answer);

 private:
  friend class StateView;
  struct Rep;
  explicit SessionCursor(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace tripla
