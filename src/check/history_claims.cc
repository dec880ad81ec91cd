// SPDX-License-Identifier: Apache-2.0
#include "check/history_claims.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "check/cut_proxy.h"
#include "check/fragment.h"
#include "check/history_client.h"
#include "check/key_state.h"
#include "check/linearizability.h"
#include "check/patience.h"
#include "check/racers.h"

namespace tripla::check {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Of one client in one round. Rounds are short, each with fresh keys, so that what the judge must
// hold stays small however long the check goes on.
constexpr int kCallsPerRound = 40;

void JudgeHistory(Trial& trial, const History& history) {
  std::map<Key, History> by_key;
  for (const HistoryCall& call : history) by_key[KeyOf(call.operation)].push_back(call);
  for (const auto& [key, calls] : by_key) {
    const Linearizability linearizable = Judge(calls);
    if (linearizable == Linearizability::kYes) continue;
    if (trial.Over()) return;
    const std::string what = fmt::format("{} calls of key {}", calls.size(), key.ToText());
    if (linearizable == Linearizability::kNotFoundOut) {
      return trial.LeaveOpen(what +
                             ": too many calls overlap to find their order; take fewer "
                             "--clients or more --keys");
    }
    return trial.Fail(what, "an order of the calls that explains their replies",
                      "none explains these\n" + FindViolation(calls).ToText());
  }
  if (const auto pair = FindRevisionViolation(history)) {
    trial.Fail("revisions over all keys",
               "a new one for each change, and never less than was told before",
               TextOf(History{pair->first, pair->second}));
  }
}

// Rounds until the time is over or one goes wrong.
void PlayRounds(Trial& trial, const HistoryManners& manners) {
  std::vector<std::unique_ptr<HistoryClient>> clients;
  for (int i = 0; i < trial.plan().clients; ++i) {
    clients.push_back(std::make_unique<HistoryClient>(trial, i, manners));
  }
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + trial.plan().duration;
  uint64_t rounds = 0;
  uint64_t calls = 0;
  uint64_t unknown = 0;
  do {
    std::vector<Key> keys;
    for (int i = 0; i < trial.plan().keys; ++i) keys.push_back(trial.NewKey());
    AtOnce(static_cast<int>(clients.size()), [&](int i) {
      std::mt19937_64 chance = trial.Chance(rounds * clients.size() + static_cast<uint64_t>(i));
      clients[static_cast<size_t>(i)]->Play(keys, kCallsPerRound, chance);
    });
    History history;
    for (const auto& client : clients) {
      std::ranges::move(client->TakeHistory(), std::back_inserter(history));
      client->SettleGivenUp(trial.caller());
    }
    ++rounds;
    trial.Advance(ShareOf(Clock::now() - begin, trial.plan().duration));
    calls += history.size();
    unknown += static_cast<uint64_t>(std::ranges::count_if(
        history, [](const HistoryCall& call) { return !call.reply.has_value(); }));
    JudgeHistory(trial, history);
    trial.SetFigures(fmt::format("{} calls in {} histories, {} clients on {} keys, {} unknown",
                                 calls, rounds, clients.size(), keys.size(), unknown));
  } while (!trial.Over() && Clock::now() < end);
}

void Undisturbed(Trial& trial) {
  PlayRounds(trial, {.endpoints = trial.plan().endpoints, .patience = trial.plan().timeout});
}

// Every connection ends somehow after some time; new ones can be made at once.
CutProxy::Plan CutSoonerOrLater(const Trial& trial, uint64_t stream) {
  auto chance = std::make_shared<std::mt19937_64>(trial.Chance(stream));
  return [chance](uint64_t /*connection*/) -> std::optional<Cut> {
    constexpr uint64_t kBytesMost = 30'000;
    constexpr std::array kKinds = {CutKind::kReset, CutKind::kReset, CutKind::kSilence,
                                   CutKind::kHalfOpen};
    return Cut{static_cast<Direction>((*chance)() % 2), (*chance)() % kBytesMost,
               kKinds[(*chance)() % kKinds.size()]};
  };
}

void Disturbed(Trial& trial) {
  constexpr uint64_t kProxyStream = uint64_t{1} << 63;  // apart from those of the clients
  std::vector<std::unique_ptr<CutProxy>> proxies;
  HistoryManners manners{.patience = PatienceWith(trial, milliseconds(150)), .gives_up = true};
  for (const std::string& endpoint : trial.plan().endpoints) {
    proxies.push_back(std::make_unique<CutProxy>(
        endpoint, CutSoonerOrLater(trial, kProxyStream + proxies.size())));
    manners.endpoints.push_back(proxies.back()->endpoint());
  }
  PlayRounds(trial, manners);
}

}  // namespace

std::vector<Claim> HistoryClaims() {
  return {
      {"history", "R11.linearizable",
       "what clients are told who meet on few keys is explained by one order of their calls",
       Undisturbed},
      {"history", "R11.linearizable-when-cut",
       "so too when their connections are cut, and writes are sent again or given up", Disturbed},
  };
}

}  // namespace tripla::check
