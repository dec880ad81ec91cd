// SPDX-License-Identifier: Apache-2.0
#include "check/key_state.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <variant>

#include "cli/answer_text.h"
#include "cli/escape.h"

namespace tripla::check {
namespace {

constexpr size_t kDataCharactersMax = 40;

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <typename... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

// What a write of one version expects to find (R7, R8).
struct Guard {
  int64_t version;
  uint64_t if_revision;
};

std::optional<Guard> GuardOf(const Operation& operation) {
  if (const auto* del = std::get_if<DelVersionOperation>(&operation)) {
    return Guard{del->version, del->if_revision};
  }
  if (const auto* write = std::get_if<TestAndSetOperation>(&operation)) {
    return Guard{write->version, write->if_revision};
  }
  return std::nullopt;
}

// A revision that no reply has told cannot be the one a guard names: who names one has been told.
bool Matches(const Guard& guard, const KeyState& state) {
  return state.stored->version == guard.version &&
         (guard.if_revision == 0 || guard.if_revision == state.revision);
}

Prediction Unchanged(Result result, const KeyState& state) {
  using Rule = Prediction::Revision;
  if (!state.stored) return {result, std::nullopt, Rule::kAtLeast, state.seen};
  if (state.revision != 0) return {result, state.stored, Rule::kExactly, state.revision};
  return {result, state.stored, Rule::kAbove, state.seen};
}

Prediction Changed(const KeyState& state) {
  return {Result::kSuccess, state.stored, Prediction::Revision::kAbove, state.seen};
}

// What the key holds after an operation that answers SUCCESS.
std::optional<Triple> StoredAfter(const std::optional<Triple>& before, const Operation& operation) {
  return std::visit(Overloaded{[](const SetOperation& set) {
                                 return std::optional(Triple{1, set.timestamp, set.data});
                               },
                               [&](const GetOperation&) { return before; },
                               [](const DelOperation&) { return std::optional<Triple>(); },
                               [](const DelVersionOperation&) { return std::optional<Triple>(); },
                               [&](const TestAndSetOperation& write) {
                                 // A wrong server may show any version; nothing follows the highest
                                 // (R8b).
                                 const int64_t old = before->version;
                                 const int64_t next =
                                     old == std::numeric_limits<int64_t>::max() ? old : old + 1;
                                 return std::optional(Triple{next, write.timestamp, write.data});
                               }},
                    operation);
}

// What the key must have held for `operation` to be answered so; every reply tells it (R4-R8).
std::optional<KeyState> StateBefore(const Operation& operation, const Decided& reply) {
  const bool changes = IsChange(operation, reply);
  KeyState before{.stored = reply.value, .revision = changes ? 0 : reply.revision};
  const std::optional<Guard> guard = GuardOf(operation);
  if (changes && guard) before.revision = guard->if_revision;
  if (!before.stored) before.revision = 0;
  if (!Predict(before, operation).Agrees(reply)) return std::nullopt;
  return before;
}

std::string TripleText(const std::optional<Triple>& triple) {
  if (!triple) return "NULL";
  return fmt::format("({}, {}, {})", triple->version, triple->timestamp,
                     cli::QuotedStart(triple->data, kDataCharactersMax));
}

std::string GuardText(const Guard& guard) {
  std::string text = fmt::format(" --version {}", guard.version);
  if (guard.if_revision != 0) text += fmt::format(" --if-revision {}", guard.if_revision);
  return text;
}

}  // namespace

bool Prediction::Agrees(const Decided& reply) const {
  if (reply.result != result || reply.value != value) return false;
  switch (revision_is) {
    case Revision::kExactly:
      return reply.revision == revision;
    case Revision::kAtLeast:
      return reply.revision >= revision;
    case Revision::kAbove:
      return reply.revision > revision;
  }
  return false;
}

std::string Prediction::ToText() const {
  const char* relation = revision_is == Revision::kExactly   ? ""
                         : revision_is == Revision::kAtLeast ? "at least "
                                                             : "above ";
  return fmt::format("{} {} revision {}{}", cli::NameOf(result), TripleText(value), relation,
                     revision);
}

Prediction Predict(const KeyState& state, const Operation& operation) {
  if (std::holds_alternative<SetOperation>(operation)) {
    return state.stored ? Unchanged(Result::kError, state) : Changed(state);
  }
  const std::optional<Guard> guard = GuardOf(operation);
  if (!state.stored) return Unchanged(guard ? Result::kNoEntry : Result::kError, state);
  if (std::holds_alternative<GetOperation>(operation)) return Unchanged(Result::kSuccess, state);
  if (guard && !Matches(*guard, state)) return Unchanged(Result::kWrongVersion, state);
  return Changed(state);
}

std::optional<KeyState> Step(const KeyState& state, const Operation& operation,
                             const Decided* reply) {
  if (!state.known) {
    if (reply == nullptr) return state;
    const std::optional<KeyState> before = StateBefore(operation, *reply);
    return before ? Step(*before, operation, reply) : std::nullopt;
  }
  const Prediction prediction = Predict(state, operation);
  if (reply != nullptr && !prediction.Agrees(*reply)) return std::nullopt;
  KeyState after = state;
  if (reply != nullptr) after.seen = std::max(state.seen, reply->revision);
  const bool changes =
      prediction.result == Result::kSuccess && !std::holds_alternative<GetOperation>(operation);
  if (changes) after.stored = StoredAfter(state.stored, operation);
  if (!after.stored || (changes && reply == nullptr)) {
    after.revision = 0;
  } else if (reply != nullptr) {
    after.revision = reply->revision;
  }
  return after;
}

bool IsChange(const Operation& operation, const Decided& reply) {
  return reply.result == Result::kSuccess && !std::holds_alternative<GetOperation>(operation);
}

const Key& KeyOf(const Operation& operation) {
  return std::visit([](const auto& one) -> const Key& { return one.key; }, operation);
}

std::string TextOf(const Operation& operation) {
  const auto data = [](const std::string& bytes) {
    return cli::QuotedStart(bytes, kDataCharactersMax);
  };
  return std::visit(Overloaded{[&](const SetOperation& set) {
                                 return fmt::format("set {} --timestamp {}", data(set.data),
                                                    set.timestamp);
                               },
                               [](const GetOperation&) { return std::string("get"); },
                               [](const DelOperation&) { return std::string("del"); },
                               [](const DelVersionOperation& del) {
                                 return "del" + GuardText({del.version, del.if_revision});
                               },
                               [&](const TestAndSetOperation& write) {
                                 return fmt::format("cas {}{} --timestamp {}", data(write.data),
                                                    GuardText({write.version, write.if_revision}),
                                                    write.timestamp);
                               }},
                    operation);
}

std::string TextOf(const Decided& reply) {
  return fmt::format("{} {} revision {}{}", cli::NameOf(reply.result), TripleText(reply.value),
                     reply.revision, reply.replayed ? " replayed" : "");
}

}  // namespace tripla::check
