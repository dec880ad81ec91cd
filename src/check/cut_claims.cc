// SPDX-License-Identifier: Apache-2.0
#include "check/cut_claims.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>

#include "base/quantity.h"
#include "check/cut_attempt.h"
#include "check/patience.h"
#include "check/racers.h"
#include "check/sole_client.h"
#include "client/wire.h"
#include "tripla/client.h"

namespace tripla::check {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatienceLeast{200};
// Most cuts are waited for, not worked on.
constexpr int kAtOnce = 64;

// A key that holds version 1.
struct Prepared {
  Key key;
  KeyState state;
};

std::vector<Prepared> Prepare(Trial& trial, size_t count) {
  const size_t per_batch = trial.limits().OperationsAtMost(250);
  SoleClient client(trial, trial.caller());
  std::vector<Prepared> prepared;
  while (prepared.size() < count && !trial.Over()) {
    std::vector<Operation> sets;
    while (sets.size() < std::min(per_batch, count - prepared.size())) {
      sets.emplace_back(SetOperation{trial.NewKey(), 1, "before"});
    }
    if (client.Batch(sets).empty()) break;
    for (const Operation& set : sets) prepared.push_back({KeyOf(set), client.state(KeyOf(set))});
  }
  return prepared;
}

// Calls `check(i)` for i from 0 to count - 1, many at once, until the trial is over.
void ForAll(Trial& trial, size_t count, const std::function<void(size_t)>& check) {
  std::atomic<size_t> next{0};
  AtOnce(static_cast<int>(std::min<size_t>(kAtOnce, count)), [&](int) {
    for (size_t i = next++; i < count && !trial.Over(); i = next++) {
      check(i);
      trial.Advance(static_cast<double>(i) / static_cast<double>(count));
    }
  });
}

TestAndSetOperation WriteTo(const Key& key) { return {key, 2, "after", 1}; }

const std::string& EndpointFor(const Trial& trial, size_t i) {
  return trial.plan().endpoints[i % trial.plan().endpoints.size()];
}

// How many bytes one call takes, from the beginning of its connection to its answer.
uint64_t BytesOfOneCall(Trial& trial, Direction direction) {
  const std::vector<Prepared> prepared = Prepare(trial, 1);
  if (prepared.empty()) return 0;
  CutProxy proxy(EndpointFor(trial, 0), [](uint64_t) { return std::nullopt; });
  Caller through({proxy.endpoint()}, trial.plan().timeout, trial.caller().shared_ids(),
                 trial.traffic());
  const RequestIds::Lease lease(through.ids(), 1);
  v1::Operation request = ToWire(WriteTo(prepared[0].key));
  SetRequestId(request, MakeId(through.ids().client(), lease.first(), lease.first_unanswered()));
  const ToldReply told = through.Settle(request);
  if (!told.ok()) {
    trial.NotDecided("a call through the proxy", "a decision", told.status, told.error);
  }
  return proxy.passed(direction);
}

// One testAndSet for each byte of its connection, cut behind it. The last one is not cut: a client
// that is not told even then waits too shortly, all the others were waited for in vain, and show
// nothing. Then all are made again, with more patience.
void AtEveryByte(Trial& trial, Direction direction, CutKind kind) {
  constexpr int kAttempts = 4;
  constexpr uint64_t kNever = uint64_t{1} << 20;
  milliseconds patience = PatienceWith(trial, kPatienceLeast);
  const uint64_t bytes = BytesOfOneCall(trial, direction);
  for (int attempt = 0; attempt < kAttempts; ++attempt, patience *= 2) {
    const std::vector<Prepared> prepared = Prepare(trial, bytes + 1);
    if (trial.Over()) return;
    CutTally tally;
    bool uncut_is_decided = false;
    ForAll(trial, bytes + 1, [&](size_t i) {
      const CutTold told =
          CheckCut(trial, WriteTo(prepared[i].key), prepared[i].state, EndpointFor(trial, i),
                   {direction, i < bytes ? i : kNever, kind}, patience);
      tally.Add(i, told);
      if (i == bytes) uncut_is_decided = told == CutTold::kDecided;
    });
    if (trial.Over()) return;
    trial.SetCuts(tally.Runs());
    trial.SetFigures(TextOf(tally.Runs()));
    if (uncut_is_decided) return;
  }
  trial.LeaveOpen(
      fmt::format("a call that is not cut was not answered within {}: the server is too slow to "
                  "tell",
                  DurationText(patience / 2)));
}

Claim AtEveryByte(std::string name, std::string text, Direction direction, CutKind kind) {
  return {"cut", std::move(name), std::move(text),
          [direction, kind](Trial& trial) { AtEveryByte(trial, direction, kind); }};
}

// Byte by byte, but all of them: that is no reason for an error.
void TrickleIsNoCut(Trial& trial) {
  const std::vector<Prepared> prepared = Prepare(trial, 1);
  if (trial.Over()) return;
  const Prepared& one = prepared[0];
  CutProxy proxy(EndpointFor(trial, 0), [](uint64_t) {
    return Cut{Direction::kRequest, 0, CutKind::kTrickle};
  });
  Caller through({proxy.endpoint()}, trial.plan().timeout, trial.caller().shared_ids(),
                 trial.traffic());
  SoleClient client(trial, through);
  client.state(one.key) = one.state;
  client.Do(WriteTo(one.key));
  client.Expect(GetOperation{one.key}, Result::kSuccess, Triple{2, 2, "after"});
  trial.SetFigures(fmt::format("{} + {} bytes, one a ms", proxy.passed(Direction::kRequest),
                               proxy.passed(Direction::kReply)));
}

Cut RandomCut(std::mt19937_64& chance) {
  return {.direction = static_cast<Direction>(chance() % 2),
          .after_bytes = chance() % 700,
          .kind = static_cast<CutKind>(chance() % 4)};
}

Operation RandomWrite(const Key& key, std::mt19937_64& chance) {
  switch (chance() % 4) {
    case 0:
      return DelOperation{key};
    case 1:
      return DelVersionOperation{key, 1};
    default:
      return WriteTo(key);
  }
}

void AtRandom(Trial& trial) {
  constexpr size_t kCuts = 150;
  const milliseconds patience = PatienceWith(trial, kPatienceLeast);
  const std::vector<Prepared> prepared = Prepare(trial, kCuts);
  if (trial.Over()) return;
  CutTally tally;
  ForAll(trial, kCuts, [&](size_t i) {
    std::mt19937_64 chance = trial.Chance(i);
    const bool fresh = chance() % 4 == 0;
    const Key key = fresh ? trial.NewKey() : prepared[i].key;
    const uint64_t data_bytes = trial.limits().DataAtMost(chance() % 5000);
    const Operation write =
        fresh ? SetOperation{key, 2, std::string(data_bytes, 'd')} : RandomWrite(key, chance);
    tally.Add(i, CheckCut(trial, write, fresh ? KeyState() : prepared[i].state,
                          EndpointFor(trial, i), RandomCut(chance), patience));
  });
  trial.SetFigures(tally.ToText());
}

// The client library's own word: what its Failure says is judged by what the entry shows, now and
// when nothing of the call can be on its way any more. Returns what it said.
CutTold JudgeClient(Trial& trial, const Prepared& prepared, const Answer<Decided>& answer) {
  const TestAndSetOperation write = WriteTo(prepared.key);
  const Triple before{1, 1, "before"};
  const Triple after{2, 2, "after"};
  const CutTold said = answer.ok()                                         ? CutTold::kDecided
                       : answer.failure().applied == Failure::Applied::kNo ? CutTold::kNotApplied
                                                                           : CutTold::kUnknown;
  const ToldReply told = trial.caller().Settle(ToWire(GetOperation{prepared.key}));
  if (!told.ok()) {
    trial.NotDecided("a get", "a decision", told.status, told.error);
    return said;
  }
  const std::optional<Decided> seen = FromWire(told.reply);
  const std::string got = seen ? TextOf(*seen) : "a reply without a result";
  const bool applied = seen && seen->value == after;
  const bool unapplied = seen && seen->value == before;
  if (said == CutTold::kDecided) {
    trial.Check(Predict(prepared.state, write).Agrees(*answer), "the client's answer",
                Predict(prepared.state, write).ToText(), TextOf(*answer));
    trial.Check(applied, "the client said decided; a get", "version 2, \"after\"", got);
  } else if (said == CutTold::kNotApplied) {
    trial.Check(unapplied, "the client said not applied; a get", "version 1, \"before\"", got);
  } else {
    trial.Check(applied || unapplied, "the client said unknown; a get", "version 1 or 2", got);
  }
  return said;
}

// Some connections come back after the cut, some do not; the client tries again by itself.
void ClientLibrary(Trial& trial) {
  constexpr size_t kCuts = 100;
  const milliseconds deadline = PatienceWith(trial, milliseconds(1000));
  const std::vector<Prepared> prepared = Prepare(trial, kCuts);
  if (trial.Over()) return;
  CutTally tally;
  ForAll(trial, kCuts, [&](size_t i) {
    std::mt19937_64 chance = trial.Chance(i);
    const Cut cut = RandomCut(chance);
    const bool comes_back = chance() % 2 == 0;
    const auto again = [cut](uint64_t connection) -> std::optional<Cut> {
      if (connection == 0) return cut;
      return std::nullopt;
    };
    std::optional<Answer<Decided>> answer;
    {
      const CutProxy proxy(EndpointFor(trial, i), comes_back ? again : CutOnce(cut));
      Client client({.endpoints = {proxy.endpoint()}, .deadline = deadline});
      answer.emplace(client.Execute(WriteTo(prepared[i].key)));
    }
    tally.Add(i, JudgeClient(trial, prepared[i], *answer));
  });
  trial.SetFigures(tally.ToText());
}

// Nobody listens: that must be told as surely not applied.
void NobodyThere(Trial& trial) {
  const std::vector<Prepared> prepared = Prepare(trial, 1);
  if (trial.Over()) return;
  std::string endpoint;
  {
    const CutProxy gone(EndpointFor(trial, 0), [](uint64_t) { return std::nullopt; });
    endpoint = gone.endpoint();
  }
  Client client({.endpoints = {endpoint}, .deadline = kPatienceLeast});
  const Answer<Decided> answer = client.Execute(WriteTo(prepared[0].key));
  if (answer.ok()) return trial.Fail("a call to nobody", "not applied", TextOf(*answer));
  trial.Check(answer.failure().applied == Failure::Applied::kNo, "a call to nobody", "not applied",
              answer.failure().ToText());
  (void)JudgeClient(trial, prepared[0], answer);
}

}  // namespace

std::vector<Claim> CutClaims() {
  return {
      AtEveryByte("R21.reset-request",
                  "reset at every byte of a request: what is told is true, a retry ends with one "
                  "application",
                  Direction::kRequest, CutKind::kReset),
      AtEveryByte("R21.reset-reply", "so too reset at every byte of a reply", Direction::kReply,
                  CutKind::kReset),
      AtEveryByte("R21.silence-request", "so too silence from every byte of a request on",
                  Direction::kRequest, CutKind::kSilence),
      AtEveryByte("R21.silence-reply", "so too silence from every byte of a reply on",
                  Direction::kReply, CutKind::kSilence),
      AtEveryByte("R21.half-open-request", "so too half open from every byte of a request on",
                  Direction::kRequest, CutKind::kHalfOpen),
      AtEveryByte("R21.half-open-reply", "so too half open from every byte of a reply on",
                  Direction::kReply, CutKind::kHalfOpen),
      {"cut", "R21.trickle", "a call whose bytes trickle is decided all the same", TrickleIsNoCut},
      {"cut", "R21.at-random", "any write, cut anyhow and anywhere, happens once", AtRandom},
      {"cut", "R21.client-library",
       "the client library, which retries by itself, tells the truth and writes once at most",
       ClientLibrary},
      {"cut", "R21.nobody-there", "a write to nobody is told as not applied", NobodyThere},
  };
}

}  // namespace tripla::check
