// SPDX-License-Identifier: Apache-2.0
#include "server/succession.h"

#include <chrono>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace tripla {

namespace {

using Clock = std::chrono::steady_clock;

// The time between questions; each question discards the answers to the one before.
constexpr std::chrono::seconds kPeriod{1};

}  // namespace

// Shared, because answers may come after a newer question was asked.
struct Succession::Answers {
  Mutex mutex;
  std::string successor ABSL_GUARDED_BY(mutex);  // a replica that can write and has the whole log
};

Succession::Succession(const Membership& membership, RatisLog& log, PeerLink& peers)
    : membership_(membership), log_(log), peers_(peers) {}

void Succession::TransferIfPossible() {
  if (!log_.Leads()) return;
  if (answers_ == nullptr || Clock::now() - asked_ >= kPeriod) return Ask();
  std::string successor;
  {
    MutexLock lock(answers_->mutex);
    successor = std::exchange(answers_->successor, "");
  }
  if (!successor.empty()) log_.TransferLeadership(successor, "its disk is too full to write");
}

void Succession::Ask() {
  asked_ = Clock::now();
  answers_ = std::make_shared<Answers>();
  const absl::StatusOr<LogPosition> known = log_.KnownState();
  if (!known.ok()) return;
  for (const Member& member : membership_.members) {
    if (member.node == membership_.node) continue;
    peers_.AskLogState(member.client_endpoint, membership_.cluster,
                       [answers = answers_, node = member.node,
                        last = known->index](const absl::StatusOr<internal::LogStateReply>& state) {
                         if (!state.ok() || state->disk_full() || state->last_index() < last)
                           return;
                         MutexLock lock(answers->mutex);
                         answers->successor = node;
                       });
  }
}

}  // namespace tripla
