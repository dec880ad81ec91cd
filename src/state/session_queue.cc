// SPDX-License-Identifier: Apache-2.0
#include "state/session_queue.h"

#include <utility>

#include "base/check.h"

namespace tripla {

void SessionQueue::Append(SessionQueue& from, Place session) {
  from.LeaveOut(session);
  sessions_.splice(sessions_.end(), from.sessions_, session);
  for (Place& first : first_with_) {
    if (first == sessions_.end()) first = session;
  }
}

SessionQueue::Place SessionQueue::Add(Session session) {
  const Place added = sessions_.insert(sessions_.end(), std::move(session));
  for (Place& first : first_with_) {
    if (first == sessions_.end()) first = added;
  }
  return added;
}

void SessionQueue::Remove(Place session) {
  LeaveOut(session);
  sessions_.erase(session);
}

void SessionQueue::LeaveOut(Place session) {
  for (Place& first : first_with_) {
    if (first == session) ++first;
  }
}

SessionQueue::Place SessionQueue::LongestIdleWith(Session::Held held) {
  Place& first = first_with_[held];
  while (first != sessions_.end() && first->count[held] == 0) ++first;
  return first;
}

void SessionQueue::CheckInvariants() const {
  for (const Session::Held held : {Session::kAnswers, Session::kRuns}) {
    const std::list<Session>::const_iterator first = first_with_[held];
    for (auto session = sessions_.begin(); session != first; ++session) {
      TRIPLA_CHECK(session != sessions_.end(), "the search goes on at a session of this queue");
      TRIPLA_CHECK(session->count[held] == 0, "a session with rows was passed over");
    }
  }
  uint64_t last_use = 0;
  for (const Session& session : sessions_) {
    TRIPLA_CHECK(session.row.last_use > last_use,
                 "the sessions are in the order of their last use");
    last_use = session.row.last_use;
  }
}

}  // namespace tripla
