// SPDX-License-Identifier: Apache-2.0
#include "check/history.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "check/key_state.h"

namespace tripla::check {
namespace {

using Pointers = std::vector<const HistoryCall*>;

// The calls that were told, ordered by `time`.
Pointers ToldBy(std::span<const HistoryCall> history, HistoryCall::Time HistoryCall::*time) {
  Pointers told;
  for (const HistoryCall& call : history) {
    if (call.reply) told.push_back(&call);
  }
  std::ranges::stable_sort(told, {}, [time](const HistoryCall* call) { return call->*time; });
  return told;
}

std::optional<std::pair<HistoryCall, HistoryCall>> FindRepeated(
    std::span<const HistoryCall> history) {
  std::map<uint64_t, const HistoryCall*> changes;
  for (const HistoryCall& call : history) {
    if (!call.reply || !IsChange(call.operation, *call.reply)) continue;
    const auto [first, fresh] = changes.emplace(call.reply->revision, &call);
    if (!fresh) return std::pair(*first->second, call);
  }
  return std::nullopt;
}

bool FitsBehind(const HistoryCall& call, const HistoryCall& told_before) {
  const uint64_t highest = told_before.reply->revision;
  if (IsChange(call.operation, *call.reply)) return call.reply->revision > highest;
  return call.reply->value.has_value() || call.reply->revision >= highest;
}

}  // namespace

std::optional<std::pair<HistoryCall, HistoryCall>> FindRevisionViolation(
    std::span<const HistoryCall> history) {
  const Pointers by_end = ToldBy(history, &HistoryCall::ended);
  const HistoryCall* highest = nullptr;  // of those that had ended
  auto ended = by_end.begin();
  for (const HistoryCall* call : ToldBy(history, &HistoryCall::began)) {
    for (; ended != by_end.end() && (*ended)->ended < call->began; ++ended) {
      if (highest == nullptr || (*ended)->reply->revision > highest->reply->revision) {
        highest = *ended;
      }
    }
    if (highest != nullptr && !FitsBehind(*call, *highest)) return std::pair(*highest, *call);
  }
  return FindRepeated(history);
}

std::string TextOf(const History& history) {
  History calls = history;
  std::ranges::stable_sort(calls, {}, &HistoryCall::began);
  const auto since = [&](HistoryCall::Time time) {
    return fmt::format("{:.3f}",
                       std::chrono::duration<double, std::milli>(time - calls[0].began).count());
  };
  std::string text;
  for (const HistoryCall& call : calls) {
    const bool told = call.ended != HistoryCall::Time::max();
    // A fragment keeps of some calls no more than that they took place.
    const std::string reply = call.reply ? TextOf(*call.reply)
                              : told     ? "(what it was told does not matter here)"
                                         : "(never told)";
    text +=
        fmt::format("client {:<3} {:>9} .. {:>9} ms  {}  ->  {}\n", call.client, since(call.began),
                    told ? since(call.ended) : "?", TextOf(call.operation), reply);
  }
  return text;
}

}  // namespace tripla::check
