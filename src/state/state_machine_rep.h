// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/command.h"
#include "model/outcome.h"
#include "state/entry_tree.h"
#include "state/reclaimer.h"
#include "state/session_table.h"
#include "state/state_hash.h"
#include "state/state_machine.h"

namespace tripla {

// The parts of a StateMachine; shared with StateLoader only. Everything but the reclaimer's pins is
// the writer's.
struct StateMachine::Rep {
  explicit Rep(const SessionBounds& bounds);

  // Decides one command: first by the memory of request ids, then by the table of R4-R8.
  Outcome Decide(const Command& command);
  // Publishes all changes since the last call.
  void Publish();
  // Aborts unless trees, memory of request ids, backlog and numbers agree.
  void CheckInvariants() const;

  Outcome Execute(const Command& command);
  Outcome Set(const Command& command, const Entry* stored);
  Outcome Delete(const Entry& stored);
  Outcome TestAndSet(const Command& command, const Entry* stored);
  // To the next level; anything else changes nothing, because a leader may ask for it twice (R28).
  Outcome RaiseLevel(Level level);
  // The entry that `command` writes, with the next revision.
  EntryRef NewEntry(const Command& command, int64_t version);
  // R8b, R9: versions compare by equality only, and the revision too if one is given.
  static bool Matches(const Command& command, const Entry& stored);
  // An outcome that changes nothing.
  [[nodiscard]] Outcome Reported(Result result, const Entry* stored) const;

  // Declared before the trees, which use it until they are destroyed.
  Reclaimer reclaimer;
  StateHashSum hash;
  EntryTree entries;
  SessionTable sessions;
  uint64_t keys = 0;
  StateSummary summary;  // of the version in the making
};

// An outcome that reports `stored`, or its absence at `revision`, without a change.
[[nodiscard]] inline Outcome ReportedOutcome(Result result, const Entry* stored,
                                             uint64_t revision) {
  if (stored == nullptr) return {.result = result, .revision = revision};
  return {.result = result, .entry = EntryRef::Share(stored), .revision = stored->revision()};
}

// The answer of `get` (R5) on one version.
[[nodiscard]] inline Outcome GetFrom(const Version& version, const Key& key) {
  const Entry* stored = EntryTree::Find(version.entries, key.ordered_bytes());
  return ReportedOutcome(stored != nullptr ? Result::kSuccess : Result::kError, stored,
                         version.summary.revision);
}

}  // namespace tripla
