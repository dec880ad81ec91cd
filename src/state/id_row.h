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
  // Counts id-carrying commands in log order; unique; the lowest is the longest idle.
  uint64_t last_use = 0;
  // Sequences below are answered with kAnswerForgotten unless remembered.
  uint64_t forgotten_below = 0;

  friend bool operator==(const SessionRow&, const SessionRow&) = default;
};

// The remembered answer to one request id of the session before it.
struct AnswerRow {
  uint64_t sequence = 0;
  std::array<uint8_t, 16> fingerprint{};  // XXH3-128 of the request's canonical body
  Outcome outcome;                        // `replayed` is false
};

// A row of the memory of request ids: a session, or an answer of the session before it. Immutable.
struct IdRow {
  // The client's id, then the sequence big-endian: a session, which has 0 there, stands before its
  // answers.
  using KeyBytes = std::array<char, sizeof(ClientId) + sizeof(uint64_t)>;
  [[nodiscard]] static KeyBytes MakeKey(const ClientId& client, uint64_t sequence);

  [[nodiscard]] std::string_view ordered_key() const { return {key.data(), key.size()}; }
  [[nodiscard]] bool is_session() const { return std::holds_alternative<SessionRow>(content); }
  [[nodiscard]] const SessionRow& session() const { return std::get<SessionRow>(content); }
  [[nodiscard]] const AnswerRow& answer() const { return std::get<AnswerRow>(content); }

  uint64_t birth = 0;  // number of the first version that holds it
  KeyBytes key{};
  std::variant<SessionRow, AnswerRow> content;
};

template <>
struct RowTraits<IdRow> {
  static constexpr Reclaimer::Birth kBirth = Reclaimer::Birth::kVersion;
  static uint64_t BirthOf(const IdRow& row) { return row.birth; }
  static void Free(const void* row) { delete static_cast<const IdRow*>(row); }
};

using IdTree = VersionedTree<IdRow>;

}  // namespace tripla
