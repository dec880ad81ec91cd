// SPDX-License-Identifier: Apache-2.0
//
// Exactly once (R13, R13a): the same request id again is told the first answer and changes nothing.
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>

#include "check/api_claims.h"
#include "check/id_client.h"
#include "check/racers.h"
#include "check/refusal.h"
#include "check/sole_client.h"
#include "client/wire.h"

namespace tripla::check {
namespace {

// One way a write can be answered: what is there before, the write, and what others do then, so
// that the write would be answered otherwise if it were carried out once more.
struct Case {
  std::vector<Operation> before;
  Operation write;
  Result result;
  std::vector<Operation> after;
};

std::vector<Case> EveryAnswer(const Key& k) {
  const SetOperation set{k, 1, "a"};
  const SetOperation again{k, 5, "e"};
  const DelOperation del{k};
  const TestAndSetOperation next{k, 2, "b", 1};
  return {
      {{}, SetOperation{k, 3, "c"}, Result::kSuccess, {del}},
      {{set}, SetOperation{k, 3, "c"}, Result::kError, {del}},
      {{set}, del, Result::kSuccess, {again}},
      {{}, del, Result::kError, {set}},
      {{set}, DelVersionOperation{k, 1}, Result::kSuccess, {again}},
      {{}, DelVersionOperation{k, 1}, Result::kNoEntry, {set}},
      {{set}, DelVersionOperation{k, 2}, Result::kWrongVersion, {next}},
      {{set}, TestAndSetOperation{k, 3, "c", 1}, Result::kSuccess, {del, again}},
      {{}, TestAndSetOperation{k, 3, "c", 1}, Result::kNoEntry, {set}},
      {{set}, TestAndSetOperation{k, 3, "c", 2}, Result::kWrongVersion, {next}},
  };
}

// One such answer, given to `client` as its request number `sequence`.
struct Given {
  const Operation& write;
  const IdClient& client;
  uint64_t sequence;
  Decided reply;
};

// Calls `check` for every answer a write can have, after others have changed the entry.
void ForEveryAnswer(Trial& trial, const std::function<void(const Given&)>& check) {
  const IdClient client(trial);
  const uint64_t count = EveryAnswer(Key()).size();
  for (uint64_t i = 0; i < count && !trial.Over(); ++i) {
    const Key key = trial.NewKey();
    const Case one = EveryAnswer(key)[i];
    const uint64_t sequence = 2 * i + 1;  // the even numbers are for `check`
    SoleClient others(trial, trial.caller());
    for (const Operation& operation : one.before) others.Do(operation);
    const Prediction wanted = Predict(others.state(key), one.write);
    const std::optional<Decided> reply = client.Tell(one.write, sequence);
    if (!reply) return;
    if (!trial.Check(reply->result == one.result && wanted.Agrees(*reply) && !reply->replayed,
                     TextOf(one.write), wanted.ToText(), TextOf(*reply))) {
      return;
    }
    others.state(key) = *Step(others.state(key), one.write, &*reply);
    for (const Operation& operation : one.after) others.Do(operation);
    check({one.write, client, sequence, *reply});
    others.Do(GetOperation{key});
  }
}

void RepliesAreRepeated(Trial& trial) {
  ForEveryAnswer(trial, [&](const Given& given) {
    for (int i = 0; i < 3 && !trial.Over(); ++i) {
      given.client.ExpectReplay(given.write, given.sequence, given.reply);
    }
  });
}

void RepliesAreRepeatedToOtherConnections(Trial& trial) {
  const std::unique_ptr<Caller> elsewhere = trial.NewConnections();
  ForEveryAnswer(trial, [&](const Given& given) {
    for (size_t i = 0; i < elsewhere->endpoints(); ++i) {
      const auto reply = given.client.TellBy(*elsewhere, given.write, given.sequence);
      if (!reply) return;
      trial.Check(*reply == Replayed(given.reply), TextOf(given.write) + ", again",
                  TextOf(Replayed(given.reply)), TextOf(*reply));
    }
  });
}

void RepliesAreRepeatedInBatches(Trial& trial) {
  ForEveryAnswer(trial, [&](const Given& given) {
    const SetOperation set{trial.NewKey(), 1, "new"};
    v1::BatchRequest batch;
    *batch.add_operations() = given.client.Request(given.write, given.sequence);
    *batch.add_operations() = given.client.Request(set, given.sequence + 1);
    *batch.add_operations() = given.client.Request(set, given.sequence + 1);
    const ToldBatch told = trial.caller().SettleBatch(batch);
    const std::string what = "a batch with a repeated request, a new one, and that again";
    if (!told.ok()) return trial.NotDecided(what, "a decision", told.status, told.error);
    if (!trial.Check(told.reply.replies_size() == 3, what, "3 replies", "another number")) return;
    const auto repeated = FromWire(told.reply.replies(0));
    const auto fresh = FromWire(told.reply.replies(1));
    const auto again = FromWire(told.reply.replies(2));
    if (!trial.Check(repeated && fresh && again, what, "3 results", "a reply without one")) return;
    const Decided wanted = Replayed(given.reply);
    trial.Check(*repeated == wanted, what, TextOf(wanted), TextOf(*repeated));
    const bool first_time = told.attempts > 1 || !fresh->replayed;
    trial.Check(fresh->result == Result::kSuccess && !fresh->value && first_time, what,
                "SUCCESS NULL", TextOf(*fresh));
    trial.Check(*again == Replayed(*fresh), what, TextOf(Replayed(*fresh)), TextOf(*again));
  });
}

// Everything a request can say, said otherwise.
std::vector<Operation> OtherBodies(const Key& key, const Key& other, const Operation& write,
                                   uint64_t revision) {
  std::vector<Operation> bodies = {DelOperation{other}};
  if (std::holds_alternative<SetOperation>(write)) {
    bodies.insert(bodies.end(), {SetOperation{key, 1, "b"}, SetOperation{key, 2, "a"},
                                 SetOperation{key, 1, ""}, SetOperation{other, 1, "a"},
                                 DelOperation{key}, TestAndSetOperation{key, 1, "a", 0}});
  } else if (std::holds_alternative<TestAndSetOperation>(write)) {
    bodies.insert(bodies.end(),
                  {TestAndSetOperation{key, 2, "b", 2}, TestAndSetOperation{key, 3, "b", 1},
                   TestAndSetOperation{key, 2, "c", 1}, TestAndSetOperation{other, 2, "b", 1},
                   TestAndSetOperation{key, 2, "b", 1, revision}, DelVersionOperation{key, 1},
                   SetOperation{key, 2, "b"}});
  } else {
    bodies.insert(bodies.end(), {DelVersionOperation{key, 2}, DelVersionOperation{other, 1},
                                 DelVersionOperation{key, 1, revision}, DelOperation{key}});
  }
  return bodies;
}

void OtherBodiesAreRefused(Trial& trial) {
  const auto kinds = [](const Key& key) {
    return std::vector<Operation>{SetOperation{key, 1, "a"}, TestAndSetOperation{key, 2, "b", 1},
                                  DelVersionOperation{key, 1}};
  };
  const IdClient client(trial);
  for (size_t kind = 0; kind < 3 && !trial.Over(); ++kind) {
    const uint64_t sequence = kind + 1;
    const Key key = trial.NewKey();
    const Key other = trial.NewKey();
    const Operation write = kinds(key)[kind];
    SoleClient others(trial, trial.caller());
    if (kind != 0) others.Do(SetOperation{key, 1, "a"});
    others.Do(SetOperation{other, 1, "a"});
    const std::optional<Decided> first = client.Tell(write, sequence);
    if (!first) return;
    if (const auto after = Step(others.state(key), write, &*first)) others.state(key) = *after;
    for (const Operation& body : OtherBodies(key, other, write, first->revision)) {
      const ToldReply told = trial.caller().Settle(client.Request(body, sequence));
      ExpectRefused(trial,
                    fmt::format("{} under the request id of {}{}", TextOf(body), TextOf(write),
                                KeyOf(body) == key ? "" : ", another key"),
                    told, grpc::INVALID_ARGUMENT);
      others.Do(GetOperation{key});
      others.Do(GetOperation{other});
    }
    client.ExpectReplay(write, sequence, *first);
  }
}

void ClientsHaveNumbersOfTheirOwn(Trial& trial) {
  const Key key = trial.NewKey();
  SoleClient others(trial, trial.caller());
  others.Do(SetOperation{key, 0, "start"});
  for (int64_t version = 1; version <= 3 && !trial.Over(); ++version) {
    const IdClient client(trial);
    const TestAndSetOperation write{key, version, "client", version};
    const std::optional<Decided> reply = client.Tell(write, 1);
    if (!reply) return;
    const Prediction wanted = Predict(others.state(key), write);
    if (!trial.Check(wanted.Agrees(*reply) && !reply->replayed, "request 1 of another client",
                     wanted.ToText(), TextOf(*reply))) {
      return;
    }
    others.state(key) = *Step(others.state(key), write, &*reply);
  }
}

// Numbers that come in any order, and stay answered as long as the client has not said that it was
// told them.
// Tells a write under each of these numbers, in this order; each must be carried out, and repeated
// when it is asked for again.
void ExpectEachOnce(Trial& trial, const IdClient& client, std::span<const uint64_t> sequences) {
  const Key key = trial.NewKey();
  SoleClient others(trial, trial.caller());
  others.Do(SetOperation{key, 0, "start"});
  struct Sent {
    uint64_t sequence;
    TestAndSetOperation write;
    Decided reply;
  };
  std::vector<Sent> sent;
  int64_t version = 0;
  for (const uint64_t sequence : sequences) {
    ++version;
    TestAndSetOperation write{key, version, std::to_string(sequence), version};
    const std::optional<Decided> reply = client.Tell(write, sequence);
    if (!reply) return;
    const Prediction wanted = Predict(others.state(key), write);
    if (!trial.Check(wanted.Agrees(*reply) && !reply->replayed,
                     fmt::format("request {}, for the first time", sequence), wanted.ToText(),
                     TextOf(*reply))) {
      return;
    }
    others.state(key) = *Step(others.state(key), write, &*reply);
    sent.push_back({sequence, std::move(write), *reply});
  }
  for (const Sent& one : sent) client.ExpectReplay(one.write, one.sequence, one.reply);
  others.Do(GetOperation{key});
}

void NumbersComeInAnyOrder(Trial& trial) {
  constexpr uint64_t kSequences[] = {5, 3, 4, 1000, 2, 1, 999, 70'000, 6};
  ExpectEachOnce(trial, IdClient(trial), kSequences);
}

// However many later ones were answered (R13a).
void WhatNeverCameIsNew(Trial& trial) {
  constexpr uint64_t kBatches = 5;
  constexpr uint64_t kNumbersOfABatch = 2200;
  constexpr uint64_t kLate[] = {10'001, 1, 5001, 9001, 2};
  const Key absent = trial.NewKey();
  const IdClient client(trial);
  uint64_t sequence = 0;
  for (uint64_t i = 0; i < kBatches && !trial.Over(); ++i) {
    v1::BatchRequest batch;
    for (uint64_t number = 0; number < kNumbersOfABatch; ++number) {
      if (std::ranges::find(kLate, ++sequence) != std::end(kLate)) continue;
      *batch.add_operations() = client.Request(DelOperation{absent}, sequence);
    }
    const ToldBatch told = trial.caller().SettleBatch(batch);
    if (!told.ok()) {
      return trial.NotDecided(fmt::format("a batch of requests up to {}", sequence), "a decision",
                              told.status, told.error);
    }
  }
  ExpectEachOnce(trial, client, kLate);
}

// How often it was sent is no part of a request (R13a).
void AttemptsAreTheSameRequest(Trial& trial) {
  ForEveryAnswer(trial, [&](const Given& given) {
    for (const uint32_t attempt : {0, 1, 2, 3}) {
      v1::Operation request = given.client.Request(given.write, given.sequence);
      v1::RequestId id = *RequestIdOf(request);
      id.set_attempt(attempt);
      SetRequestId(request, id);
      const std::string what = fmt::format("{} as request {}, again, as attempt {}",
                                           TextOf(given.write), given.sequence, attempt);
      const Decided wanted = Replayed(given.reply);
      const ToldReply told = trial.caller().Settle(request);
      if (!told.ok()) return trial.NotDecided(what, TextOf(wanted), told.status, told.error);
      const std::optional<Decided> reply = FromWire(told.reply);
      if (!trial.Check(reply == wanted, what, TextOf(wanted),
                       reply ? TextOf(*reply) : "a reply without a result")) {
        return;
      }
    }
  });
}

// It may be forgotten, then it is refused; but it must not be carried out once more.
void WhatWasReceivedIsNotRepeated(Trial& trial) {
  const Key key = trial.NewKey();
  const Key other = trial.NewKey();
  const IdClient client(trial);
  const SetOperation set{key, 1, "a"};
  const auto first = client.Tell(set, 1, 1);
  const auto second = client.Tell(SetOperation{other, 2, "b"}, 2, 2);
  const auto removed = client.Tell(DelOperation{key}, 3, 3);
  if (!first || !second || !removed) return;
  const ToldReply told = trial.caller().Settle(client.Request(set, 1));
  if (told.ok()) {
    const std::optional<Decided> reply = FromWire(told.reply);
    trial.Check(reply == Replayed(*first), "a request whose answer was received, again",
                "a refusal, or " + TextOf(Replayed(*first)), reply ? TextOf(*reply) : "no result");
  }
  SoleClient others(trial, trial.caller());
  others.Expect(GetOperation{key}, Result::kError, std::nullopt);
}

// What is still unanswered is remembered, whatever was received before it.
void WhatWasNotReceivedIsRemembered(Trial& trial) {
  const Key key = trial.NewKey();
  SoleClient others(trial, trial.caller());
  others.Do(SetOperation{key, 0, "start"});
  const IdClient client(trial);
  const TestAndSetOperation write{key, 1, "a", 1};
  const auto first = client.Tell(write, 10, 10);
  if (!first) return;
  for (uint64_t sequence = 11; sequence < 60; ++sequence) {
    if (!client.Tell(DelVersionOperation{key, 7}, sequence, 10)) return;
  }
  client.ExpectReplay(write, 10, *first);
}

void DuplicatesAtOnceAreOne(Trial& trial) {
  constexpr int kSenders = 16;
  constexpr int kRounds = 10;
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < 4; ++i) callers.push_back(trial.NewConnections());
  const Key key = trial.NewKey();
  SoleClient others(trial, trial.caller());
  others.Do(SetOperation{key, 0, "start"});
  const IdClient client(trial);
  for (int64_t version = 1; version <= kRounds && !trial.Over(); ++version) {
    const TestAndSetOperation write{key, version, "a", version};
    const Prediction wanted = Predict(others.state(key), write);
    std::vector<std::optional<Decided>> replies(kSenders);
    AtOnce(kSenders, [&](int i) {
      const auto number = static_cast<size_t>(i);
      replies[number] =
          client.TellBy(*callers[number % callers.size()], write, static_cast<uint64_t>(version));
    });
    int first_times = 0;
    for (const std::optional<Decided>& reply : replies) {
      if (!reply) return;
      first_times += reply->replayed ? 0 : 1;
      if (!trial.Check(wanted.Agrees(*reply) && reply->revision == replies[0]->revision,
                       "one request, sent 16 times at once", wanted.ToText(), TextOf(*reply))) {
        return;
      }
    }
    trial.Check(first_times == 1, "one request, sent 16 times at once",
                "one reply that is no replay", fmt::format("{} such replies", first_times));
    others.state(key) = *Step(others.state(key), write, &*replies[0]);
    others.Do(GetOperation{key});
  }
}

}  // namespace

std::vector<Claim> RequestIdClaims() {
  return {
      {"api", "R13.replay", "the same id again: the first answer, replayed, and nothing changes",
       RepliesAreRepeated},
      {"api", "R13.replay-elsewhere", "so too over another connection and at every endpoint",
       RepliesAreRepeatedToOtherConnections},
      {"api", "R13.replay-in-batch", "so too inside a batch, each operation by its own id",
       RepliesAreRepeatedInBatches},
      {"api", "R13.other-body",
       "the same id with another body is INVALID_ARGUMENT; nothing changes", OtherBodiesAreRefused},
      {"api", "R13.clients", "two clients may use the same number", ClientsHaveNumbersOfTheirOwn},
      {"api", "R13.any-order", "numbers may come in any order, each is carried out once",
       NumbersComeInAnyOrder},
      {"api", "R13a.never-came", "a number that never came is new, however many later ones came",
       WhatNeverCameIsNew},
      {"api", "R13a.attempt", "the same id as another attempt is the same request",
       AttemptsAreTheSameRequest},
      {"api", "R13.received", "what was received may be forgotten, not carried out again",
       WhatWasReceivedIsNotRepeated},
      {"api", "R13.not-received", "what was not received is remembered",
       WhatWasNotReceivedIsRemembered},
      {"api", "R13.at-once", "one id sent 16 times at once is carried out once",
       DuplicatesAtOnceAreOne},
  };
}

}  // namespace tripla::check
