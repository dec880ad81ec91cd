// SPDX-License-Identifier: Apache-2.0
#include "server/succession.h"

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

// Shared with answers that may come when nobody waits for them any more.
struct Succession::Answers {
  Mutex mutex;
  size_t missing ABSL_GUARDED_BY(mutex) = 0;
  std::string successor ABSL_GUARDED_BY(mutex);  // the one that can write and knows most
  LogIndex last_index ABSL_GUARDED_BY(mutex) = 0;
};

Succession::Succession(const Membership& membership, RatisLog& log, PeerLink& peers)
    : membership_(membership), log_(log), peers_(peers) {}

void Succession::Seek() {
  if (!log_.Leads()) {
    answers_ = nullptr;
    return;
  }
  if (answers_ != nullptr) {
    std::string successor;
    {
      MutexLock lock(answers_->mutex);
      if (answers_->missing > 0) return;
      successor = answers_->successor;
    }
    answers_ = nullptr;
    if (!successor.empty()) {
      return log_.LetAnotherLead(successor, "its disk is too full to write");
    }
  }
  const auto answers = std::make_shared<Answers>();
  {
    MutexLock lock(answers->mutex);
    answers->missing = membership_.members.size() - 1;
  }
  answers_ = answers;
  for (const Member& member : membership_.members) {
    if (member.node == membership_.node) continue;
    peers_.AskLogState(
        member.client_endpoint, membership_.cluster,
        [answers, node = member.node](const absl::StatusOr<internal::LogStateReply>& state) {
          MutexLock lock(answers->mutex);
          --answers->missing;
          if (!state.ok() || state->disk_full()) return;
          if (!answers->successor.empty() && state->last_index() <= answers->last_index) return;
          answers->successor = node;
          answers->last_index = state->last_index();
        });
  }
}

}  // namespace tripla
