// SPDX-License-Identifier: Apache-2.0
#include "model/level.h"

#include <fmt/core.h>

namespace tripla {

std::string LevelsText(Level lowest, Level highest) {
  return lowest == highest ? fmt::format("level {}", lowest)
                           : fmt::format("levels {} to {}", lowest, highest);
}

absl::Status CheckLevel(Level level) {
  if (level >= kLowestLevel && level <= kHighestLevel) return absl::OkStatus();
  return absl::UnimplementedError(fmt::format(
      "level {} is reached, but this version of the server knows {}: use {} one", level,
      LevelsText(kLowestLevel, kHighestLevel), level < kLowestLevel ? "the former" : "the newer"));
}

}  // namespace tripla
