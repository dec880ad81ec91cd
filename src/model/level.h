// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"

namespace tripla {

// Which kinds of commands, flags, blocks of images and messages between servers are written (R28):
// none that is newer than the level, so that every server that knows the level can read all. It is
// a part of the state and only rises, one at a time. docs/formats.md says what each level brought.
using Level = uint64_t;

// Of a state that does not say: it is empty, or from before there were levels.
inline constexpr Level kFirstLevel = 1;

// What this program knows.
inline constexpr Level kLowestLevel = kFirstLevel;
// Defined in highest_level.cc alone, so that a test can link a program that pretends to know one
// more.
extern const Level kHighestLevel;

// What a server says to the others of itself.
struct Levels {
  Level reached = kFirstLevel;  // of its state
  Level lowest = kLowestLevel;  // that it knows
  Level highest = kHighestLevel;
};

// "level 1", "levels 1 to 2".
[[nodiscard]] std::string LevelsText(Level lowest, Level highest);

// Unimplemented unless this program knows `level`; names it and those that are known.
[[nodiscard]] absl::Status CheckLevel(Level level);

}  // namespace tripla
