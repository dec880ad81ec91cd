// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "tripla/triple.h"

namespace tripla {

// The change that a function given to Client::Update() decided on.
struct Change {
  enum class Kind {
    kNothing,
    kWrite,   // creates the entry when it is absent, else replaces timestamp and data
    kDelete,  // does nothing when the entry is absent
  };

  static Change Nothing() { return {}; }
  static Change Write(int64_t timestamp, std::string data) {
    return {Kind::kWrite, timestamp, std::move(data)};
  }
  static Change Delete() { return {Kind::kDelete, 0, {}}; }

  Kind kind = Kind::kNothing;
  int64_t timestamp = 0;
  std::string data;
};

// Decides on a change to the stored triple (nullopt when the entry is absent). Called again each
// time another client has changed the entry first.
using UpdateFunction = std::function<Change(const std::optional<Triple>& stored)>;

// The result of Client::Update().
struct Updated {
  Change::Kind done = Change::Kind::kNothing;  // what the last call of the function returned
  std::optional<Triple> before;                // the argument of that call
  uint64_t revision = 0;  // of the write; if nothing was written, of the entry as it was read
  int lost = 0;           // how often another client changed the entry first
};

}  // namespace tripla
