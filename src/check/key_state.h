// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tripla/answer.h"
#include "tripla/operation.h"
#include "tripla/triple.h"

namespace tripla::check {

// What one key holds, and what its replies have told of revisions. With Step() it is the contract
// of one key (R4-R9) as a program: every judge of replies uses it.
//
// Thread-safety: a value.
struct KeyState {
  bool known = true;  // false: it may hold anything, and the next reply tells what
  std::optional<Triple> stored;
  uint64_t revision = 0;  // of `stored`; 0 when no reply has told it
  uint64_t seen = 0;      // the highest revision that a reply about this key has told

  friend bool operator==(const KeyState&, const KeyState&) = default;
};

// The reply that the contract asks for.
struct Prediction {
  enum class Revision {
    kExactly,  // an entry that stays as it is: its revision
    kAtLeast,  // an absent key: what the read saw
    kAbove,    // a change: new; or an entry whose revision no reply has told yet
  };

  Result result = Result::kSuccess;
  std::optional<Triple> value;
  Revision revision_is = Revision::kExactly;
  uint64_t revision = 0;

  [[nodiscard]] bool Agrees(const Decided& reply) const;
  // "ERROR_WV (3, 17, "a") revision 812".
  [[nodiscard]] std::string ToText() const;
};

// What `operation` must answer when the key is in `state`, which is known.
[[nodiscard]] Prediction Predict(const KeyState& state, const Operation& operation);

// The state after `operation` was answered by `reply`; nullopt when the contract forbids that reply
// in `state`. Without a reply (the outcome is unknown) it is the state after the operation was
// applied. In an unknown state any reply of the right form is allowed, and gives the state.
[[nodiscard]] std::optional<KeyState> Step(const KeyState& state, const Operation& operation,
                                           const Decided* reply);

// Whether a reply tells of a change of the key.
[[nodiscard]] bool IsChange(const Operation& operation, const Decided& reply);

[[nodiscard]] const Key& KeyOf(const Operation& operation);

// "cas "a" --version 3 --timestamp 17", without the key.
[[nodiscard]] std::string TextOf(const Operation& operation);
// "SUCCESS NULL revision 5", on one line and safe to show.
[[nodiscard]] std::string TextOf(const Decided& reply);

}  // namespace tripla::check
