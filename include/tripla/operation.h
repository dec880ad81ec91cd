// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "tripla/key.h"

namespace tripla {

// The five operations (R4-R8), as values: what Client::Execute() and Client::Batch() take.
// `if_revision`, when not 0, must equal the entry's revision too, else the answer is ERROR_WV: it
// guards against an entry deleted and set anew, whose versions begin again (R9).

struct SetOperation {
  Key key;
  int64_t timestamp = 0;  // yours: stored and returned, never compared
  std::string data;
};

// Which state a read sees (R11, R25).
enum class Consistency {
  kLinearizable,  // everything acknowledged before the read began, at any server
  kStale,         // what the asked server has: perhaps less, and also without a leader
};

struct GetOperation {
  Key key;
  Consistency consistency = Consistency::kLinearizable;
};

struct DelOperation {
  Key key;
};

struct DelVersionOperation {
  Key key;
  int64_t version = 0;
  uint64_t if_revision = 0;
};

struct TestAndSetOperation {
  Key key;
  int64_t timestamp = 0;
  std::string data;
  int64_t version = 0;  // what must be stored; the server stores this + 1
  uint64_t if_revision = 0;
};

using Operation = std::variant<SetOperation, GetOperation, DelOperation, DelVersionOperation,
                               TestAndSetOperation>;

}  // namespace tripla
