// SPDX-License-Identifier: Apache-2.0
#include "server/state_comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/escaping.h"
#include "base/diagnostics.h"
#include "base/thread_name.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPeriod{2};
constexpr std::chrono::seconds kPatience{1};
// So many rounds are waited for a third replica to return.
constexpr int kUnsureRoundsMax = 15;

std::string TextOf(const StateHash& hash) {
  return absl::BytesToHexString({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

}  // namespace

Verdict Judge(const StateHash& own, const std::map<std::string, StateHash>& others,
              size_t members) {
  std::map<StateHash, size_t> votes{{own, 1}};
  for (const auto& [node, hash] : others) ++votes[hash];
  if (votes.size() == 1) return Verdict::kSame;
  const auto most =
      std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
  if (most->second <= members / 2) return Verdict::kUnsure;
  return most->first == own ? Verdict::kOtherWrong : Verdict::kWrong;
}

// Shared, because answers may come after the wait has ended.
struct StateComparison::Answers {
  Mutex mutex;
  Condition came;
  size_t missing ABSL_GUARDED_BY(mutex) = 0;
  std::map<std::string, Hashes> of_node ABSL_GUARDED_BY(mutex);
};

StateComparison::StateComparison(const Membership& membership, const StateMachine& machine,
                                 const RecentHashes& recent, AskFn ask)
    : membership_(membership),
      machine_(machine),
      recent_(recent),
      ask_(std::move(ask)),
      thread_([this] { Run(); }) {}

StateComparison::~StateComparison() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    stop_changed_.NotifyAll();
  }
  thread_.join();
}

StateComparison::Hashes StateComparison::Known(const StateMachine& machine,
                                               const RecentHashes& recent) {
  Hashes known = recent.Get();
  const StateSummary newest = machine.GetSummary();
  known[newest.position.index] = newest.hash;
  return known;
}

void StateComparison::Run() {
  NameThread("comparison");
  while (true) {
    {
      const Clock::time_point next = Clock::now() + kPeriod;
      MutexLock lock(mutex_);
      while (!stop_ && Clock::now() < next) stop_changed_.WaitUntil(mutex_, next);
      if (stop_) return;
    }
    Compare();
  }
}

std::map<std::string, StateComparison::Hashes> StateComparison::AskOthers(const Hashes& own) const {
  std::vector<LogIndex> indexes;
  for (const auto& [index, hash] : own) indexes.push_back(index);
  const auto answers = std::make_shared<Answers>();
  {
    MutexLock lock(answers->mutex);
    answers->missing = membership_.members.size() - 1;
  }
  for (const Member& member : membership_.members) {
    if (member.node == membership_.node) continue;
    ask_(member, indexes, [answers, node = member.node](const absl::StatusOr<Hashes>& hashes) {
      MutexLock lock(answers->mutex);
      if (hashes.ok()) answers->of_node[node] = *hashes;
      --answers->missing;
      answers->came.NotifyAll();
    });
  }
  const Clock::time_point deadline = Clock::now() + kPatience;
  MutexLock lock(answers->mutex);
  while (answers->missing > 0 && Clock::now() < deadline) {
    answers->came.WaitUntil(answers->mutex, deadline);
  }
  return answers->of_node;
}

void StateComparison::Compare() {
  const Hashes own = Known(machine_, recent_);
  const std::map<std::string, Hashes> of_node = AskOthers(own);
  // The newest index at which hashes differ.
  for (auto place = own.rbegin(); place != own.rend(); ++place) {
    const auto& [index, hash] = *place;
    std::map<std::string, StateHash> others;
    for (const auto& [node, hashes] : of_node) {
      if (const auto found = hashes.find(index); found != hashes.end())
        others[node] = found->second;
    }
    const Verdict verdict = Judge(hash, others, membership_.members.size());
    if (verdict != Verdict::kSame) return Act(verdict, index, hash, others);
  }
  unsure_rounds_ = 0;
}

void StateComparison::Act(Verdict verdict, LogIndex index, const StateHash& own,
                          const std::map<std::string, StateHash>& others) {
  std::string hashes = fmt::format("{} has {}", membership_.node, TextOf(own));
  for (const auto& [node, hash] : others) hashes += fmt::format(", {} has {}", node, TextOf(hash));
  const std::string difference =
      fmt::format("the replicas' states differ at record {} of the log: {}", index, hashes);
  switch (verdict) {
    case Verdict::kSame:
      return;
    case Verdict::kWrong:
      Die(
          fmt::format("{}; {}, this one, is wrong and ends; rebuild it from the others, see \"A "
                      "replica that is lost or damaged\" in docs/operating.md",
                      difference, membership_.node));
    case Verdict::kOtherWrong:
      Say(Severity::kError,
          difference + "; the one that differs from the majority is wrong, and ends");
      return;
    case Verdict::kUnsure:
      if (++unsure_rounds_ < kUnsureRoundsMax) {
        Say(Severity::kError,
            difference + "; it is not known which one is wrong until another answers");
        return;
      }
      Die(difference +
          "; it is not known which one is wrong, so all that differ end; start all servers of the "
          "cluster");
  }
}

}  // namespace tripla
