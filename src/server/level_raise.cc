// SPDX-License-Identifier: Apache-2.0
#include "server/level_raise.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/diagnostics.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

// Between two questions, and between two attempts. Each answers within this time or not at all.
constexpr std::chrono::seconds kPeriod{2};

// Why a member keeps the level from rising to `next`; empty if it does not.
std::string WhyNot(const absl::StatusOr<internal::LogStateReply>& reply, Level next) {
  if (!reply.ok()) return "does not answer";
  // From before there were levels, it knows the first and says nothing.
  const Level highest = std::max<Level>(reply->level_highest(), kFirstLevel);
  if (highest < next) return fmt::format("knows only level {}", highest);
  return reply->level_max() < next
             ? fmt::format("is held back by --level-max {}", reply->level_max())
             : "";
}

}  // namespace

// Shared, because answers may come after a newer question was asked.
struct LevelRaise::Round {
  explicit Round(Level asked) : next(asked) {}

  const Level next;
  Mutex mutex;
  std::map<std::string, std::string> in_the_way ABSL_GUARDED_BY(mutex);  // why, by member
};

LevelRaise::LevelRaise(const Parts& parts, Level level_max)
    : parts_(parts), level_max_(std::min(level_max, kHighestLevel)) {}

void LevelRaise::Step() {
  const Level level = parts_.machine.GetSummary().level;
  SayIfRisen(level);
  if (level >= level_max_) {
    const bool held = level < kHighestLevel;
    return SetHeldBack(level, held ? fmt::format("--level-max {}", level_max_) : "");
  }
  if (!parts_.log.Leads()) {
    round_ = nullptr;
    return SetHeldBack(level, "");
  }
  const bool is_time = Clock::now() >= next_;
  if (parts_.replication == nullptr) {
    if (is_time) Raise(level + 1, level_max_);
  } else if (round_ == nullptr || round_->next != level + 1) {
    if (is_time) Ask(level + 1);
  } else {
    TakeAnswers(is_time);
  }
}

void LevelRaise::TakeAnswers(bool is_over) {
  std::string in_the_way;
  {
    MutexLock lock(round_->mutex);
    in_the_way = absl::StrJoin(round_->in_the_way, ", ", absl::PairFormatter(" "));
  }
  if (!in_the_way.empty() && !is_over) return;
  const Level next = round_->next;
  round_ = nullptr;
  SetHeldBack(next - 1, in_the_way);
  if (in_the_way.empty()) Raise(next, next);
}

std::string LevelRaise::held_back() {
  MutexLock lock(mutex_);
  return held_back_;
}

void LevelRaise::SayIfRisen(Level level) {
  const Level before = std::exchange(seen_, level);
  if (before == level) return;
  if (before != 0) {
    Say(Severity::kInfo, fmt::format("level {} is reached: versions that do not know it can take "
                                     "part no more",
                                     level));
  }
  if (level > level_max_) {
    Say(Severity::kWarning,
        fmt::format("--level-max {} holds nothing back: level {} is reached, and no level is ever "
                    "taken back",
                    level_max_, level));
  }
}

void LevelRaise::SetHeldBack(Level level, const std::string& why) {
  MutexLock lock(mutex_);
  if (std::exchange(held_back_, why) == why || why.empty()) return;
  Say(Severity::kInfo, fmt::format("the level stays {}: {}", level, why));
}

void LevelRaise::Ask(Level next) {
  next_ = Clock::now() + kPeriod;
  round_ = std::make_shared<Round>(next);
  const std::vector<std::string> others = parts_.replication->others();
  {
    MutexLock lock(round_->mutex);
    for (const std::string& node : others) round_->in_the_way[node] = "does not answer";
  }
  for (const std::string& node : others) {
    parts_.replication->AskLogState(node, [round = round_, node](const auto& reply) {
      std::string why = WhyNot(reply, round->next);
      MutexLock lock(round->mutex);
      if (why.empty()) {
        round->in_the_way.erase(node);
      } else {
        round->in_the_way[node] = std::move(why);
      }
    });
  }
}

void LevelRaise::Raise(Level first, Level last) {
  next_ = Clock::now() + kPeriod;
  PendingWrite write;
  for (Level level = first; level <= last; ++level) {
    write.commands.push_back(
        {.kind = CommandKind::kRaiseLevel, .version = static_cast<int64_t>(level)});
  }
  write.done = [last, said = said_](const absl::StatusOr<std::span<Outcome>>& done) {
    if (done.ok() || said->exchange(true)) return;
    Say(Severity::kWarning,
        fmt::format("level {} is not known to be reached: {}; it is tried again", last,
                    std::string(done.status().message())));
  };
  // Else the queue is full or the server stops.
  parts_.batcher.Enqueue(std::move(write)).IgnoreError();
}

}  // namespace tripla
