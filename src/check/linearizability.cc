// SPDX-License-Identifier: Apache-2.0
#include "check/linearizability.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tripla::check {
namespace {

// The begin or the end of a call, in a ring of those that still count.
struct Event {
  const HistoryCall* call = nullptr;
  size_t number = 0;  // of the call
  bool is_end = false;
  size_t previous = 0;
  size_t next = 0;
};

// Which calls have taken effect, and the state they led to.
struct Situation {
  std::vector<bool> done;
  KeyState state;

  friend bool operator==(const Situation&, const Situation&) = default;
};

struct SituationHash {
  size_t operator()(const Situation& situation) const {
    size_t hash = std::hash<std::vector<bool>>()(situation.done);
    const auto mix = [&hash](size_t more) { hash = (hash ^ more) * 0x9E3779B97F4A7C15; };
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

// The events in the order of time. At one and the same time begins come first: calls that touch
// count as overlapping, which asks less.
std::vector<Event> InOrder(std::span<const HistoryCall> calls) {
  std::vector<Event> events;
  for (size_t i = 0; i < calls.size(); ++i) {
    // Nothing follows from a read that was not answered.
    if (!calls[i].reply && std::holds_alternative<GetOperation>(calls[i].operation)) continue;
    events.push_back({&calls[i], i, false});
    if (calls[i].reply) events.push_back({&calls[i], i, true});
  }
  std::ranges::stable_sort(events, {}, [](const Event& event) {
    return std::pair(event.is_end ? event.call->ended : event.call->began, event.is_end);
  });
  return events;
}

// The events of the calls that have not taken effect, in order. Number 0 stands for both ends of
// the ring. Taking out and putting back in the reverse order costs nothing (Knuth's dancing links).
class Ring {
 public:
  explicit Ring(std::vector<Event> events) : events_(std::move(events)) {
    events_.insert(events_.begin(), Event{});
    for (size_t i = 0; i < events_.size(); ++i) {
      events_[i].previous = (i + events_.size() - 1) % events_.size();
      events_[i].next = (i + 1) % events_.size();
    }
  }

  [[nodiscard]] size_t First() const { return events_[0].next; }
  [[nodiscard]] size_t Next(size_t event) const { return events_[event].next; }
  [[nodiscard]] const Event& operator[](size_t event) const { return events_[event]; }
  [[nodiscard]] size_t size() const { return events_.size(); }

  void TakeOut(size_t event) {
    events_[events_[event].previous].next = events_[event].next;
    events_[events_[event].next].previous = events_[event].previous;
  }

  void PutBack(size_t event) {
    events_[events_[event].previous].next = event;
    events_[events_[event].next].previous = event;
  }

 private:
  std::vector<Event> events_;
};

class Search {
 public:
  Search(std::span<const HistoryCall> calls, const KeyState& before)
      : ring_(InOrder(calls)),
        ends_(calls.size(), 0),
        now_{std::vector<bool>(calls.size()), before} {
    for (size_t event = 1; event < ring_.size(); ++event) {
      if (!ring_[event].is_end) continue;
      ends_[ring_[event].number] = event;
      ++told_left_;
    }
  }

  bool Succeeds() {
    size_t event = ring_.First();
    while (told_left_ > 0) {
      if (ring_[event].is_end) {
        // A call that must have taken effect by now has not: an earlier choice was wrong.
        if (choices_.empty()) return false;
        event = ring_.Next(TakeBack());
      } else if (Choose(event)) {
        event = ring_.First();
      } else {
        event = ring_.Next(event);
      }
    }
    return true;
  }

 private:
  struct Choice {
    size_t begin;  // of the call
    KeyState before;
  };

  // Lets the call take effect next, unless its reply forbids that or it has been tried.
  bool Choose(size_t begin) {
    const HistoryCall& call = *ring_[begin].call;
    const size_t number = ring_[begin].number;
    std::optional<KeyState> after =
        Step(now_.state, call.operation, call.reply ? &*call.reply : nullptr);
    if (!after) return false;
    // Without a reply and without an effect it may as well never happen.
    if (!call.reply && *after == now_.state) return false;
    Situation next{now_.done, *std::move(after)};
    next.done[number] = true;
    if (!tried_.insert(next).second) return false;
    choices_.push_back({begin, std::exchange(now_, std::move(next)).state});
    ring_.TakeOut(begin);
    if (call.reply) {
      ring_.TakeOut(ends_[number]);
      --told_left_;
    }
    return true;
  }

  // Undoes the last choice, and returns the begin of its call.
  size_t TakeBack() {
    const Choice choice = std::move(choices_.back());
    choices_.pop_back();
    const size_t number = ring_[choice.begin].number;
    if (ring_[choice.begin].call->reply) {
      ring_.PutBack(ends_[number]);
      ++told_left_;
    }
    ring_.PutBack(choice.begin);
    now_.done[number] = false;
    now_.state = choice.before;
    return choice.begin;
  }

  Ring ring_;
  std::vector<size_t> ends_;  // by call: its end, 0 when it was never told
  std::vector<Choice> choices_;
  Situation now_;
  size_t told_left_ = 0;  // calls with a reply that have not taken effect
  std::unordered_set<Situation, SituationHash> tried_;
};

}  // namespace

bool IsLinearizable(std::span<const HistoryCall> calls, const KeyState& before) {
  return Search(calls, before).Succeeds();
}

}  // namespace tripla::check
