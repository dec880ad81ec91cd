// SPDX-License-Identifier: Apache-2.0
#include "check/linearizability.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "cli/stop.h"

namespace tripla::check {
namespace {

// Beside those that the calls that were told need anyway.
constexpr size_t kSituationsMost = 100'000;

// Which calls have taken effect, and the state they led to.
struct Situation {
  size_t told = 0;  // so many of the calls that were told, in their one order
  std::vector<bool> untold;
  size_t untold_count = 0;
  KeyState state;

  friend bool operator==(const Situation&, const Situation&) = default;
};

struct SituationHash {
  size_t operator()(const Situation& situation) const {
    size_t hash = std::hash<std::vector<bool>>()(situation.untold);
    const auto mix = [&hash](size_t more) { hash = (hash ^ more) * 0x9E3779B97F4A7C15; };
    mix(situation.told);
    mix(situation.state.revision);
    mix(situation.state.seen);
    if (const auto& stored = situation.state.stored) {
      mix(std::hash<std::string>()(stored->data));
      mix(static_cast<size_t>(stored->version));
      mix(static_cast<size_t>(stored->timestamp));
    }
    return hash;
  }
};

// Nearest to the end first; among these, the one with the fewest calls without a reply.
struct LessPromising {
  bool operator()(const Situation& a, const Situation& b) const {
    return a.told != b.told ? a.told < b.told : a.untold_count > b.untold_count;
  }
};

// The only order in which the replies can follow each other. Of one revision the change comes
// first, then who sees the entry, then who sees none: each of these Step() accepts in no other
// order. Calls that are left equal change nothing, so that any order of time does for them.
auto OrderOf(const HistoryCall& call) {
  const Decided& reply = *call.reply;
  const int kind = IsChange(call.operation, reply) ? 0 : reply.value ? 1 : 2;
  return std::tuple(reply.revision, kind, call.began);
}

class Search {
 public:
  explicit Search(std::span<const HistoryCall> calls) {
    for (const HistoryCall& call : calls) {
      if (call.reply) {
        told_.push_back(&call);
      } else if (!std::holds_alternative<GetOperation>(call.operation)) {
        untold_.push_back(&call);  // nothing follows from a read that was not answered
      }
    }
    std::ranges::sort(told_, {}, [](const HistoryCall* call) { return OrderOf(*call); });
    ends_.resize(told_.size() + 1, HistoryCall::Time::max());
    for (size_t i = told_.size(); i-- > 0;) ends_[i] = std::min(ends_[i + 1], told_[i]->ended);
  }

  Linearizability Run(const KeyState& before) {
    Add({.untold = std::vector<bool>(untold_.size()), .state = before});
    while (!open_.empty()) {
      const bool too_many = tried_.size() > told_.size() + kSituationsMost;
      if (too_many || cli::StopAsked()) return Linearizability::kNotFoundOut;
      const Situation now = open_.top();
      open_.pop();
      if (now.told == told_.size()) return Linearizability::kYes;
      if (!AddTold(now)) AddUntold(now);
    }
    return Linearizability::kNo;
  }

 private:
  void Add(Situation situation) {
    if (tried_.insert(situation).second) open_.push(std::move(situation));
  }

  // Lets the next call that was told take effect. True when nothing else needs to be tried: what
  // leaves everything as it is may as well come at once.
  bool AddTold(const Situation& now) {
    const HistoryCall& call = *told_[now.told];
    // Another that comes later in the order had ended before this one began.
    if (call.began > ends_[now.told]) return true;
    std::optional<KeyState> after = Step(now.state, call.operation, &*call.reply);
    if (!after) return false;
    const bool nothing_new = *after == now.state;
    Situation next = now;
    ++next.told;
    next.state = *std::move(after);
    Add(std::move(next));
    return nothing_new;
  }

  // Lets each call without a reply take effect that may have begun by now.
  void AddUntold(const Situation& now) {
    for (size_t i = 0; i < untold_.size(); ++i) {
      if (now.untold[i] || untold_[i]->began > ends_[now.told]) continue;
      KeyState after = Step(now.state, untold_[i]->operation, nullptr).value();
      // Without an effect it may as well never happen.
      if (after == now.state) continue;
      Situation next = now;
      next.untold[i] = true;
      ++next.untold_count;
      next.state = std::move(after);
      Add(std::move(next));
    }
  }

  std::vector<const HistoryCall*> told_;  // in their one order
  std::vector<const HistoryCall*> untold_;
  std::vector<HistoryCall::Time> ends_;  // when the first of told_[i] and all behind it ended
  std::unordered_set<Situation, SituationHash> tried_;
  std::priority_queue<Situation, std::vector<Situation>, LessPromising> open_;
};

}  // namespace

Linearizability Judge(std::span<const HistoryCall> calls, const KeyState& before) {
  return Search(calls).Run(before);
}

}  // namespace tripla::check
