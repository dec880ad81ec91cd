// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace tripla {

// The value of a key (R2).
struct Triple {
  int64_t version = 0;    // 1 after a set, one more after each testAndSet
  int64_t timestamp = 0;  // the client's own number: stored and returned, never compared (R3)
  std::string data;

  friend bool operator==(const Triple&, const Triple&) = default;
};

// How a decided operation ended: the `e` of the specification's table (R4-R8). Values as on the
// wire.
enum class Result : uint8_t {
  kSuccess = 1,
  kError = 2,         // set: the key is present; get and del: it is absent
  kNoEntry = 3,       // ERROR_NE, of del-if-version and testAndSet: the key is absent
  kWrongVersion = 4,  // ERROR_WV, of the same: another version or revision is stored
};

}  // namespace tripla
