// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <variant>

#include "model/command.h"
#include "model/outcome.h"
#include "state/reclaimer.h"
#include "state/versioned_tree.h"

namespace tripla {

// One client whose request ids are remembered (R13).
struct SessionRow {
  ClientId client{};
  // A unique number, rising with each command with an id in log order: the session with the lowest
  // has been idle longest.
  uint64_t last_use = 0;
  // Sequences below are answered with kAnswerForgotten unless remembered.
  uint64_t forgotten_below = 0;
  // StateSummary::forgotten_through when the session began: this client may have been remembered
  // and forgotten before, with sequences up to this one (R13a). 0: surely not.
  uint64_t in_doubt_through = 0;
  // The client has said that everything it sent is answered, so it is forgotten before others.
  bool finished = false;

  friend bool operator==(const SessionRow&, const SessionRow&) = default;
};

// The remembered answer to one request id of the preceding session.
struct AnswerRow {
  uint64_t sequence = 0;
  std::array<uint8_t, 16> fingerprint{};  // XXH3-128 of the request's canonical body
  Outcome outcome;                        // `replayed` is false
};

// Consecutive request ids of the preceding session that were decided and whose answers were
// dropped. Two runs of a session are never adjacent.
struct DecidedRun {
  uint64_t first = 0;
  uint64_t last = 0;  // inclusive

  friend bool operator==(const DecidedRun&, const DecidedRun&) = default;
};

// A row of the memory of request ids: a session, or an answer or a run of the preceding session.
// Immutable.
struct IdRow {
  // Rows of one client are in this order.
  enum class Kind : uint8_t { kSession, kAnswer, kRun };

  // The client's id, the kind, and a big-endian sequence: 0 for a session, its own for an answer,
  // the last one for a run.
  using KeyBytes = std::array<char, sizeof(ClientId) + 1 + sizeof(uint64_t)>;
  [[nodiscard]] static KeyBytes MakeKey(const ClientId& client, Kind kind, uint64_t sequence);

  [[nodiscard]] std::string_view ordered_key() const { return {key.data(), key.size()}; }
  [[nodiscard]] Kind kind() const { return static_cast<Kind>(content.index()); }
  [[nodiscard]] const SessionRow& session() const { return std::get<SessionRow>(content); }
  [[nodiscard]] const AnswerRow& answer() const { return std::get<AnswerRow>(content); }
  [[nodiscard]] const DecidedRun& run() const { return std::get<DecidedRun>(content); }
  [[nodiscard]] bool BelongsTo(const ClientId& client) const {
    return ordered_key().substr(0, client.size()) == std::string_view(client.data(), client.size());
  }

  uint64_t birth = 0;  // number of the first version that holds it
  KeyBytes key{};
  std::variant<SessionRow, AnswerRow, DecidedRun> content;  // in the order of Kind
};

template <>
struct RowTraits<IdRow> {
  static constexpr Reclaimer::Birth kBirth = Reclaimer::Birth::kVersion;
  static uint64_t BirthOf(const IdRow& row) { return row.birth; }
  static void Free(const void* row) { delete static_cast<const IdRow*>(row); }
};

using IdTree = VersionedTree<IdRow>;

}  // namespace tripla
