// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "state/state_summary.h"

namespace tripla {

// One finished image of the state on disk.
struct ImageInfo {
  std::string file;             // inside the data directory: "image/image-00000000000000000042"
  StateSummary summary;         // of the state it holds
  uint64_t bytes = 0;           // of the whole file
  int64_t written_unix_ms = 0;  // when it was finished, for people only (design 9)

  friend bool operator==(const ImageInfo&, const ImageInfo&) = default;
};

}  // namespace tripla
