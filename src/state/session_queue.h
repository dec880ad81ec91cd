// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <list>

#include "state/id_row.h"

namespace tripla {

// The writer's data of one session, besides its rows in the tree.
struct Session {
  // Kinds of rows that are counted.
  enum Held : uint8_t { kAnswers, kRuns };

  SessionRow row;
  std::array<uint64_t, 2> count{};  // of its rows, by Held
  // Of all decided ids, including those whose answers the client has said it received.
  uint64_t highest_sequence = 0;
};

// Sessions in the order of their last use, the longest idle first.
//
// Thread-safety: the writer's. All calls take O(1), the search for a session with rows on average.
class SessionQueue {
 public:
  using Place = std::list<Session>::iterator;

  [[nodiscard]] bool empty() const { return sessions_.empty(); }
  [[nodiscard]] Place begin() { return sessions_.begin(); }
  [[nodiscard]] Place end() { return sessions_.end(); }
  [[nodiscard]] std::list<Session>::const_iterator begin() const { return sessions_.begin(); }
  [[nodiscard]] std::list<Session>::const_iterator end() const { return sessions_.end(); }

  // Moves `session` from `from`, which may be this queue, to the end. Places stay valid.
  void Append(SessionQueue& from, Place session);
  // At the end.
  Place Add(Session session);
  void Remove(Place session);

  // The longest idle session with rows of this kind, or end(). Only the last session may have got
  // its first row since it was appended.
  [[nodiscard]] Place LongestIdleWith(Session::Held held);

  // Aborts if a session before the place where LongestIdleWith() continues has such rows.
  void CheckInvariants() const;

 private:
  // Call this before the session leaves its place.
  void LeaveOut(Place session);

  std::list<Session> sessions_;
  // No session before this place has such rows.
  std::array<Place, 2> first_with_{sessions_.end(), sessions_.end()};
};

}  // namespace tripla
