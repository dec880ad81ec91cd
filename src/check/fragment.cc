// SPDX-License-Identifier: Apache-2.0
#include "check/fragment.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "check/key_state.h"
#include "check/linearizability.h"

namespace tripla::check {
namespace {

using Time = HistoryCall::Time;

bool ChangesNothing(const HistoryCall& call) {
  if (call.reply) return !IsChange(call.operation, *call.reply);
  return std::holds_alternative<GetOperation>(call.operation);
}

// The same call by somebody who does not know what it was told.
HistoryCall Forgotten(HistoryCall call) {
  call.reply.reset();
  return call;
}

// What is known of the time from `begin` to `end` alone.
History Window(std::span<const HistoryCall> calls, Time begin, Time end) {
  History window;
  for (const HistoryCall& call : calls) {
    const bool inside = call.reply && call.began >= begin && call.ended <= end;
    const bool touches = call.began <= end && call.ended >= begin;
    if (inside) {
      window.push_back(call);
    } else if (touches && !ChangesNothing(call)) {
      window.push_back(Forgotten(call));
    }
  }
  return window;
}

bool IsViolation(std::span<const HistoryCall> calls, bool from_absent) {
  return Judge(calls, {.known = from_absent}) == Linearizability::kNo;
}

// The first of `times`, sorted, for which `holds`; it holds for all that follow one for which it
// does, and for the last.
Time FirstThat(const std::vector<Time>& times, const std::function<bool(Time)>& holds) {
  return *std::partition_point(times.begin(), times.end() - 1,
                               [&](Time time) { return !holds(time); });
}

std::vector<Time> Sorted(std::span<const HistoryCall> calls, Time HistoryCall::*time) {
  std::vector<Time> times;
  for (const HistoryCall& call : calls) {
    if (call.reply) times.push_back(call.*time);
  }
  std::ranges::sort(times);
  return times;
}

// Drops calls that change nothing, one by one, as long as what is left stays a violation.
void Thin(Fragment& fragment) {
  for (size_t i = fragment.calls.size(); i-- > 0;) {
    if (!ChangesNothing(fragment.calls[i])) continue;
    History fewer = fragment.calls;
    fewer.erase(fewer.begin() + static_cast<ptrdiff_t>(i));
    if (IsViolation(fewer, fragment.from_absent)) fragment.calls = std::move(fewer);
  }
}

}  // namespace

Fragment FindViolation(std::span<const HistoryCall> calls) {
  const Time end = FirstThat(Sorted(calls, &HistoryCall::ended), [&](Time time) {
    return IsViolation(Window(calls, Time::min(), time), true);
  });
  const auto wrong_from = [&](Time begin) { return IsViolation(Window(calls, begin, end), false); };
  Fragment fragment{.from_absent = !wrong_from(Time::min()),
                    .calls = Window(calls, Time::min(), end)};
  if (!fragment.from_absent) {
    std::vector<Time> begins = Sorted(calls, &HistoryCall::began);
    std::ranges::reverse(begins);  // from the latest on: an earlier begin knows more
    fragment.calls = Window(calls, FirstThat(begins, wrong_from), end);
  }
  if (!IsViolation(fragment.calls, fragment.from_absent)) {
    fragment = {.from_absent = true, .calls = {calls.begin(), calls.end()}};
  }
  Thin(fragment);
  return fragment;
}

std::string Fragment::ToText() const {
  return (from_absent ? "the key was absent before\n" : "whatever the key held before\n") +
         TextOf(calls);
}

}  // namespace tripla::check
