// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "tripla/key.h"

namespace tripla {

// The five operations (R4-R8), as values for Client::Execute() and Client::Batch().
// `if_revision`, when not 0, must equal the entry's revision, else the answer is ERROR_WV. It
// detects an entry that was deleted and set again, whose versions start again at 1 (R9).

struct SetOperation {
  Key key;
  int64_t timestamp = 0;  // the client's own number: stored and returned, never compared
  std::string data;
};

// Which state a read sees (R11, R25).
enum class Consistency {
  kLinearizable,  // everything acknowledged before the read began, at any server
  kStale,         // what the asked server has applied; may lack late writes, needs no leader
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
  int64_t version = 0;  // must be the stored version; the server stores version + 1
  uint64_t if_revision = 0;
};

using Operation = std::variant<SetOperation, GetOperation, DelOperation, DelVersionOperation,
                               TestAndSetOperation>;

}  // namespace tripla
