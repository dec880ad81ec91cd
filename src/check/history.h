// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tripla/answer.h"
#include "tripla/operation.h"

namespace tripla::check {

// One operation of a client, and its reply.
struct HistoryCall {
  using Time = std::chrono::steady_clock::time_point;

  int client = 0;
  Operation operation;
  std::optional<Decided> reply;  // nullopt: unknown whether it was applied, or will be
  Time began{};
  Time ended = Time::max();  // when the reply came
};

// What many clients did, in any order.
using History = std::vector<HistoryCall>;

// A line a call, in the order they began, with times since the first: for people who look for what
// contradicts what.
[[nodiscard]] std::string TextOf(const History& history);

// Two calls, of any keys, whose revisions contradict each other (spec 5): two changes of one
// revision; a change with no more, or an absent key with less, than was told before it began.
[[nodiscard]] std::optional<std::pair<HistoryCall, HistoryCall>> FindRevisionViolation(
    std::span<const HistoryCall> history);

}  // namespace tripla::check
