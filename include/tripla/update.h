// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "tripla/triple.h"

namespace tripla {

// What the function given to Client::Update() wants done with the entry.
struct Change {
  enum class Kind {
    kNothing,
    kWrite,   // creates the entry when it is absent, else replaces timestamp and data
    kDelete,  // nothing, when it is absent
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

// Decides by what is stored; nullopt when the entry is absent. Called once more each time that
// another client was faster.
using UpdateFunction = std::function<Change(const std::optional<Triple>& stored)>;

// What Client::Update() did.
struct Updated {
  Change::Kind done = Change::Kind::kNothing;  // what the function asked for in the end
  std::optional<Triple> before;                // what the function was given then
  // Of the write; when nothing was written, of the entry as it was read.
  uint64_t revision = 0;
  int lost = 0;  // how often another client was faster
};

}  // namespace tripla
