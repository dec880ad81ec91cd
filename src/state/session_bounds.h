// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/limits.h"

namespace tripla {

// The limits of the memory of request ids. They affect results, so they must be the same on all
// replicas and for the whole life of a state; tests make them small.
struct SessionBounds {
  uint64_t clients = limits::kSessionsMax;
  uint64_t answers_per_client = limits::kAnswersPerSessionMax;
  uint64_t answer_bytes = limits::kAnswerBytesMax;
  // Of data alone, while a server is short of disk; or as many as the map has, if those are more.
  uint64_t data_bytes_short_of_disk = limits::kAnswerBytesShortOfDisk;

  // A client with at most `answers_per_client` unanswered ids never needs more, because runs are
  // separated by answers and by ids that have not arrived.
  [[nodiscard]] uint64_t runs_per_client() const { return 2 * answers_per_client; }

  friend bool operator==(const SessionBounds&, const SessionBounds&) = default;
};

}  // namespace tripla
