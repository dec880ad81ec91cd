// SPDX-License-Identifier: Apache-2.0
#include "check/linearizability.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "check/fragment.h"

namespace tripla::check {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

HistoryCall::Time At(int time) { return HistoryCall::Time(std::chrono::milliseconds(time)); }

// One operation from `began` to `ended`.
HistoryCall Told(int client, int began, int ended, Operation operation, Decided reply) {
  return {client, std::move(operation), std::move(reply), At(began), At(ended)};
}
HistoryCall NotTold(int client, int began, Operation operation) {
  return {client, std::move(operation), std::nullopt, At(began)};
}

SetOperation Set(std::string data) { return {Key(), 0, std::move(data)}; }
TestAndSetOperation Cas(std::string data, int64_t version) {
  return {Key(), 0, std::move(data), version};
}
const GetOperation kGet{Key()};
const DelOperation kDel{Key()};

Decided Created(uint64_t revision) { return {Result::kSuccess, std::nullopt, revision}; }
Decided Shown(Result result, int64_t version, std::string data, uint64_t revision) {
  return {result, Triple{version, 0, std::move(data)}, revision};
}
Decided Changed(int64_t version, std::string data, uint64_t revision) {
  return Shown(Result::kSuccess, version, std::move(data), revision);
}
Decided Absent(uint64_t revision) { return {Result::kError, std::nullopt, revision}; }

TEST(Linearizability, NothingHappenedIsLinearizable) { EXPECT_TRUE(IsLinearizable({})); }

TEST(Linearizability, OneClientAloneMustSeeItsOwnWrites) {
  const History good = {Told(1, 0, 1, Set("a"), Created(1)),
                        Told(1, 2, 3, kGet, Changed(1, "a", 1))};
  EXPECT_TRUE(IsLinearizable(good));
  const History bad = {Told(1, 0, 1, Set("a"), Created(1)), Told(1, 2, 3, kGet, Absent(1))};
  EXPECT_FALSE(IsLinearizable(bad));
}

TEST(Linearizability, OverlappingCallsMayTakeEffectInEitherOrder) {
  const HistoryCall set = Told(1, 0, 10, Set("a"), Created(5));
  EXPECT_TRUE(IsLinearizable(History{set, Told(2, 1, 2, kGet, Absent(4))}));
  EXPECT_TRUE(IsLinearizable(History{set, Told(2, 1, 2, kGet, Changed(1, "a", 5))}));
  EXPECT_FALSE(IsLinearizable(History{set, Told(2, 1, 2, kGet, Changed(1, "b", 5))}));
}

TEST(Linearizability, WhatOneReadHasSeenALaterOneMustSee) {
  const History history = {Told(1, 0, 10, Set("a"), Created(5)),
                           Told(2, 1, 2, kGet, Changed(1, "a", 5)), Told(3, 3, 4, kGet, Absent(4))};
  EXPECT_FALSE(IsLinearizable(history));
}

TEST(Linearizability, CallsThatTouchCountAsOverlapping) {
  EXPECT_TRUE(
      IsLinearizable(History{Told(1, 0, 2, Set("a"), Created(5)), Told(2, 2, 3, kGet, Absent(4))}));
}

TEST(Linearizability, AStaleReadIsFound) {
  EXPECT_FALSE(IsLinearizable(History{Told(1, 0, 1, Set("a"), Created(1)),
                                      Told(1, 2, 3, Cas("b", 1), Changed(1, "a", 2)),
                                      Told(2, 4, 5, kGet, Changed(1, "a", 1))}));
}

TEST(Linearizability, ALostUpdateIsFound) {
  EXPECT_FALSE(IsLinearizable(History{Told(1, 0, 1, Set("a"), Created(1)),
                                      Told(1, 2, 6, Cas("b", 1), Changed(1, "a", 2)),
                                      Told(2, 3, 5, Cas("c", 1), Changed(1, "a", 3))}));
}

TEST(Linearizability, AnUpdateThatWasAppliedTwiceIsFound) {
  EXPECT_FALSE(IsLinearizable(History{Told(1, 0, 1, Set("a"), Created(1)),
                                      Told(1, 2, 3, Cas("b", 1), Changed(1, "a", 2)),
                                      Told(2, 4, 5, kGet, Changed(3, "b", 3))}));
}

TEST(Linearizability, AWriteThatVanishesIsFound) {
  EXPECT_FALSE(IsLinearizable(History{Told(1, 0, 1, Set("a"), Created(1)),
                                      Told(2, 2, 3, kGet, Changed(1, "a", 1)),
                                      Told(2, 4, 5, kGet, Absent(1))}));
}

TEST(Linearizability, RevisionsMustRise) {
  EXPECT_FALSE(IsLinearizable(History{Told(1, 0, 1, Set("a"), Created(5)),
                                      Told(1, 2, 3, Cas("b", 1), Changed(1, "a", 5))}));
  EXPECT_FALSE(
      IsLinearizable(History{Told(1, 0, 1, kGet, Absent(9)), Told(1, 2, 3, Set("a"), Created(9))}));
}

TEST(Linearizability, AnUnknownWriteMayHaveHappenedOrNot) {
  const HistoryCall set = Told(1, 0, 1, Set("a"), Created(1));
  const HistoryCall unknown = NotTold(2, 2, Cas("b", 1));
  EXPECT_TRUE(IsLinearizable(History{set, unknown, Told(1, 3, 4, kGet, Changed(1, "a", 1))}));
  EXPECT_TRUE(IsLinearizable(History{set, unknown, Told(1, 3, 4, kGet, Changed(2, "b", 7))}));
}

TEST(Linearizability, AnUnknownWriteMayHappenLongAfterwards) {
  EXPECT_TRUE(IsLinearizable(History{
      Told(1, 0, 1, Set("a"), Created(1)), NotTold(2, 2, Cas("b", 1)),
      Told(1, 30, 40, kGet, Changed(1, "a", 1)), Told(1, 50, 60, kGet, Changed(2, "b", 3))}));
}

TEST(Linearizability, AnUnknownWriteHappensOnceAndNeverBeforeItBegan) {
  const HistoryCall set = Told(1, 0, 1, Set("a"), Created(1));
  const HistoryCall del = Told(1, 10, 11, kDel, Changed(1, "a", 2));
  EXPECT_TRUE(IsLinearizable(History{set, NotTold(2, 2, kDel), Told(1, 3, 4, kGet, Absent(2))}));
  EXPECT_FALSE(IsLinearizable(History{set, NotTold(2, 5, kDel), Told(1, 3, 4, kGet, Absent(2))}));
  // Set again and gone again: the one unknown del cannot be both.
  EXPECT_FALSE(
      IsLinearizable(History{set, NotTold(2, 2, kDel), Told(1, 3, 4, kGet, Absent(2)),
                             Told(1, 5, 6, Set("b"), Created(3)), Told(1, 7, 8, kGet, Absent(4))}));
  EXPECT_FALSE(
      IsLinearizable(History{set, NotTold(2, 2, kDel), Told(1, 3, 4, kGet, Absent(2)), del}));
}

TEST(Linearizability, AnUnknownReadSaysNothing) {
  EXPECT_TRUE(IsLinearizable(History{NotTold(1, 0, kGet), Told(2, 1, 2, kGet, Absent(0))}));
}

// A random history that some order explains: the order it was made in.
History MakeHistory(std::mt19937_64& chance, int calls) {
  KeyState state;
  History history;
  uint64_t revision = 10;
  for (int i = 0; i < calls; ++i) {
    const std::vector<Operation> choices = {
        Set(std::to_string(i)), kGet, kGet, kDel,
        Cas(std::to_string(i), state.stored ? state.stored->version : 1)};
    const Operation& operation = choices[chance() % choices.size()];
    const Prediction prediction = Predict(state, operation);
    Decided reply{prediction.result, prediction.value, prediction.revision};
    if (IsChange(operation, reply)) {
      reply.revision = ++revision;
    } else if (!reply.value) {
      reply.revision = revision;
    }
    state = *Step(state, operation, &reply);
    const int moment = 10 * i;
    const int before = static_cast<int>(chance() % 60);
    const int after = static_cast<int>(chance() % 60);
    history.push_back(Told(i % 8, moment - before, moment + after, operation, reply));
    if (chance() % 10 == 0) {
      history.back().reply.reset();
      history.back().ended = HistoryCall::Time::max();
    }
  }
  std::ranges::shuffle(history, chance);
  return history;
}

TEST(Linearizability, WhatAnOrderExplainsIsLinearizable) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 chance(seed);
    EXPECT_TRUE(IsLinearizable(MakeHistory(chance, 100))) << "seed " << seed;
  }
}

TEST(Fragment, ThereIsNoneOfALinearizableHistory) {
  std::mt19937_64 chance(7);
  EXPECT_FALSE(FindViolation(MakeHistory(chance, 100)));
}

TEST(Fragment, NamesTheCallsThatContradictEachOther) {
  History history;
  for (int i = 0; i < 50; ++i) history.push_back(Told(3, i, i + 1, kGet, Absent(1)));
  history.push_back(Told(1, 100, 101, Set("a"), Created(2)));
  for (int i = 200; i < 250; ++i) history.push_back(Told(3, i, i + 1, kGet, Changed(1, "a", 2)));
  history.push_back(Told(2, 300, 301, Cas("b", 1), Changed(1, "a", 3)));
  history.push_back(Told(3, 302, 303, kGet, Changed(1, "a", 2)));  // stale
  for (int i = 400; i < 450; ++i) history.push_back(Told(3, i, i + 1, kGet, Changed(2, "b", 3)));
  const std::optional<Fragment> fragment = FindViolation(history);
  ASSERT_TRUE(fragment);
  EXPECT_THAT(fragment->calls, SizeIs(2)) << fragment->ToText();
  EXPECT_THAT(fragment->ToText(), HasSubstr("cas \"b\" --version 1"));
  EXPECT_THAT(fragment->ToText(), HasSubstr("SUCCESS (1, 0, \"a\") revision 2"));
}

TEST(Fragment, SaysWhenItNeedsTheBeginning) {
  const std::optional<Fragment> fragment =
      FindViolation(History{Told(1, 0, 1, kGet, Changed(1, "a", 2))});
  ASSERT_TRUE(fragment);
  EXPECT_THAT(fragment->ToText(), HasSubstr("the key was absent before"));
}

// One reply of a good history is changed: whatever is found must be a violation by itself.
TEST(Fragment, IsAlwaysAViolationAndNeverOfAGoodHistory) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 chance(seed);
    History history = MakeHistory(chance, 60);
    HistoryCall& victim = history[chance() % history.size()];
    if (!victim.reply || !victim.reply->value) continue;
    victim.reply->value->data += " but wrong";
    const std::optional<Fragment> fragment = FindViolation(history);
    ASSERT_EQ(fragment.has_value(), !IsLinearizable(history)) << "seed " << seed;
    if (!fragment) continue;
    ++found;
    EXPECT_FALSE(IsLinearizable(fragment->calls, {.known = fragment->from_absent}))
        << "seed " << seed;
    EXPECT_LE(fragment->calls.size(), 30u) << "seed " << seed << "\n" << fragment->ToText();
  }
  EXPECT_GT(found, 50);
}

TEST(Revisions, RiseOverAllKeys) {
  const Key other = *Key::Parse("7");
  const HistoryCall first = Told(1, 0, 1, Set("a"), Created(5));
  const HistoryCall behind = Told(2, 2, 3, SetOperation{other, 0, "b"}, Created(4));
  EXPECT_TRUE(FindRevisionViolation(History{first, behind}));
  const HistoryCall beside = Told(2, 0, 3, SetOperation{other, 0, "b"}, Created(4));
  EXPECT_FALSE(FindRevisionViolation(History{first, beside}));
  const HistoryCall absent = Told(2, 2, 3, GetOperation{other}, Absent(4));
  EXPECT_TRUE(FindRevisionViolation(History{first, absent}));
  const HistoryCall old_entry = Told(2, 2, 3, GetOperation{other}, Changed(1, "x", 2));
  EXPECT_FALSE(FindRevisionViolation(History{first, old_entry}));
}

TEST(Revisions, NeverRepeat) {
  const Key other = *Key::Parse("7");
  EXPECT_TRUE(
      FindRevisionViolation(History{Told(1, 0, 9, Set("a"), Created(5)),
                                    Told(2, 0, 9, SetOperation{other, 0, "b"}, Created(5))}));
}

}  // namespace
}  // namespace tripla::check
