// SPDX-License-Identifier: Apache-2.0
//
// Many clients at one key, with one winner (R11). What else may happen is for the histories.
#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <string>

#include "check/api_claims.h"
#include "check/key_state.h"
#include "check/racers.h"
#include "check/sole_client.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

constexpr int kRacers = 100;
constexpr int kCallers = 4;
constexpr int kRounds = 3;

// Each racer's answer to its operation; empty when one of them was not decided.
std::vector<Decided> Race(Trial& trial, const std::function<Operation(int)>& operation_of) {
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < kCallers; ++i) callers.push_back(trial.NewConnections());
  std::vector<std::optional<Decided>> answers(kRacers);
  AtOnce(kRacers, [&](int i) {
    SoleClient racer(trial, *callers[static_cast<size_t>(i % kCallers)]);
    const Operation operation = operation_of(i);
    racer.state(KeyOf(operation)).known = false;
    answers[static_cast<size_t>(i)] = racer.Do(operation);
  });
  std::vector<Decided> decided;
  for (std::optional<Decided>& answer : answers) {
    if (!answer) return {};
    decided.push_back(*std::move(answer));
  }
  return decided;
}

// One racer won, as `won` says; all others were told `lost`. Returns the winner's number.
std::optional<int> ExpectOneWinner(Trial& trial, const std::string& what,
                                   const std::vector<Decided>& answers,
                                   const std::function<Decided(int)>& won,
                                   const std::function<Decided(int)>& lost) {
  const auto same = [](const Decided& a, const Decided& b) {
    return a.result == b.result && a.value == b.value;
  };
  std::optional<int> winner;
  int winners = 0;
  for (int i = 0; i < kRacers; ++i) {
    if (answers[static_cast<size_t>(i)].result != Result::kSuccess) continue;
    ++winners;
    winner = i;
  }
  if (!trial.Check(winners == 1, what, "one winner", fmt::format("{} winners", winners))) {
    return std::nullopt;
  }
  for (int i = 0; i < kRacers; ++i) {
    const Decided& answer = answers[static_cast<size_t>(i)];
    Decided wanted = i == *winner ? won(i) : lost(*winner);
    wanted.revision = answer.revision;
    trial.Check(same(answer, wanted), what, TextOf(wanted), TextOf(answer));
  }
  return winner;
}

std::string DataOf(int racer) { return "racer " + std::to_string(racer); }

void RacingTestAndSets(Trial& trial) {
  for (int round = 0; round < kRounds && !trial.Over(); ++round) {
    const Key key = trial.NewKey();
    SoleClient client(trial, trial.caller());
    client.Expect(SetOperation{key, 0, "start"}, Result::kSuccess, std::nullopt);
    const std::vector<Decided> answers = Race(trial, [&](int i) {
      return TestAndSetOperation{key, i, DataOf(i), 1};
    });
    if (answers.empty()) return;
    ExpectOneWinner(
        trial, "100 racing testAndSets of version 1", answers,
        [](int) {
          return Decided{.value = Triple{1, 0, "start"}};
        },
        [](int winner) {
          return Decided{Result::kWrongVersion, Triple{2, winner, DataOf(winner)}};
        });
  }
}

void RacingSets(Trial& trial) {
  for (int round = 0; round < kRounds && !trial.Over(); ++round) {
    const Key key = trial.NewKey();
    const std::vector<Decided> answers = Race(trial, [&](int i) {
      return SetOperation{key, i, DataOf(i)};
    });
    if (answers.empty()) return;
    ExpectOneWinner(
        trial, "100 racing sets", answers, [](int) { return Decided{}; },
        [](int winner) {
          return Decided{Result::kError, Triple{1, winner, DataOf(winner)}};
        });
  }
}

void RacingDels(Trial& trial) {
  for (const bool with_version : {false, true}) {
    if (trial.Over()) return;
    const Key key = trial.NewKey();
    SoleClient client(trial, trial.caller());
    client.Expect(SetOperation{key, 7, "start"}, Result::kSuccess, std::nullopt);
    const std::vector<Decided> answers = Race(trial, [&](int) -> Operation {
      if (with_version) return DelVersionOperation{key, 1};
      return DelOperation{key};
    });
    if (answers.empty()) return;
    const Result lost = with_version ? Result::kNoEntry : Result::kError;
    ExpectOneWinner(
        trial, "100 racing dels", answers,
        [](int) {
          return Decided{.value = Triple{1, 7, "start"}};
        },
        [lost](int) {
          return Decided{lost, std::nullopt};
        });
  }
}

// A counter that every client reads and adds to: each of their steps is in the end result.
void NoUpdateIsLost(Trial& trial) {
  constexpr int kSteps = 25;
  const int clients = std::min(trial.plan().clients, 16);
  const Key key = trial.NewKey();
  SoleClient client(trial, trial.caller());
  client.Expect(SetOperation{key, 0, "0"}, Result::kSuccess, std::nullopt);
  AtOnce(clients, [&](int number) {
    const std::unique_ptr<Caller> caller = trial.NewConnections();
    SoleClient adder(trial, *caller);
    Triple seen{1, 0, "0"};
    for (int step = 0; step < kSteps && !trial.Over();) {
      adder.state(key).known = false;
      const std::string sum = std::to_string(std::stoll(seen.data) + 1);
      const auto answer = adder.Do(TestAndSetOperation{key, number, sum, seen.version});
      if (!answer || !answer->value) return;
      if (answer->result == Result::kSuccess) {
        seen = {seen.version + 1, number, sum};
        ++step;
      } else {
        seen = *answer->value;
        const bool is_number = !seen.data.empty() && seen.data.size() < 18 &&
                               seen.data.find_first_not_of("0123456789") == std::string::npos;
        if (!trial.Check(is_number, "a counter", "digits", TextOf(*answer))) return;
      }
    }
  });
  if (trial.Over()) return;
  client.state(key).known = false;
  const auto end = client.Do(GetOperation{key});
  if (!end || !end->value) return;
  const int64_t sum = int64_t{clients} * kSteps;
  trial.Check(end->value->version == sum + 1 && end->value->data == std::to_string(sum),
              "a counter that all clients add to",
              fmt::format("version {} and data \"{}\"", sum + 1, sum), TextOf(*end));
  trial.SetFigures(fmt::format("{} clients, {} steps", clients, sum));
}

}  // namespace

std::vector<Claim> RaceClaims() {
  return {
      {"api", "R11.one-test-and-set-wins",
       "of 100 racing testAndSets one wins; all others are shown what it wrote", RacingTestAndSets},
      {"api", "R11.one-set-wins", "of 100 racing sets one wins; all others are shown what it wrote",
       RacingSets},
      {"api", "R11.one-del-wins", "of 100 racing dels one is given the entry", RacingDels},
      {"api", "R11.no-update-is-lost", "clients that add to one counter lose no step",
       NoUpdateIsLost},
  };
}

}  // namespace tripla::check
