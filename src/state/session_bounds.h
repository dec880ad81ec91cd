// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace tripla {

// The limits of the memory of request ids (R13). They affect results, so they must be the same on
// all replicas and for the whole life of a state: to change one needs a new format number of the
// image. Tests make them small.
struct SessionBounds {
  // When there are more, one is forgotten: first one that has said that all its writes are
  // answered, otherwise the one idle longest.
  uint64_t clients = 100'000;
  // Ids that one client may have unanswered. With more, the answer to the lowest is dropped; the id
  // stays known as decided.
  uint64_t answers_per_client = 100'000;
  uint64_t answer_bytes = uint64_t{256} << 20;  // of all answers with the data they hold
  // Of data alone, while a server is short of disk; or as many as the map has, if those are more.
  uint64_t data_bytes_short_of_disk = uint64_t{1} << 20;

  // A client with at most `answers_per_client` unanswered ids never needs more, because runs are
  // separated by answers and by ids that have not arrived.
  [[nodiscard]] uint64_t runs_per_client() const { return 2 * answers_per_client; }

  friend bool operator==(const SessionBounds&, const SessionBounds&) = default;
};

}  // namespace tripla
