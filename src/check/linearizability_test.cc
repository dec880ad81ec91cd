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

bool Explained(const History& history, const KeyState& before = {}) {
  const Linearizability found = Judge(history, before);
  EXPECT_NE(found, Linearizability::kNotFoundOut);
  return found == Linearizability::kYes;
}

TEST(Linearizability, NothingHappenedIsLinearizable) { EXPECT_TRUE(Explained({})); }

TEST(Linearizability, OneClientAloneMustSeeItsOwnWrites) {
  const History good = {Told(1, 0, 1, Set("a"), Created(1)),
                        Told(1, 2, 3, kGet, Changed(1, "a", 1))};
  EXPECT_TRUE(Explained(good));
  const History bad = {Told(1, 0, 1, Set("a"), Created(1)), Told(1, 2, 3, kGet, Absent(1))};
  EXPECT_FALSE(Explained(bad));
}

TEST(Linearizability, OverlappingCallsMayTakeEffectInEitherOrder) {
  const HistoryCall set = Told(1, 0, 10, Set("a"), Created(5));
  EXPECT_TRUE(Explained(History{set, Told(2, 1, 2, kGet, Absent(4))}));
  EXPECT_TRUE(Explained(History{set, Told(2, 1, 2, kGet, Changed(1, "a", 5))}));
  EXPECT_FALSE(Explained(History{set, Told(2, 1, 2, kGet, Changed(1, "b", 5))}));
}

TEST(Linearizability, WhatOneReadHasSeenALaterOneMustSee) {
  const History history = {Told(1, 0, 10, Set("a"), Created(5)),
                           Told(2, 1, 2, kGet, Changed(1, "a", 5)), Told(3, 3, 4, kGet, Absent(4))};
  EXPECT_FALSE(Explained(history));
}

TEST(Linearizability, CallsThatTouchCountAsOverlapping) {
  EXPECT_TRUE(
      Explained(History{Told(1, 0, 2, Set("a"), Created(5)), Told(2, 2, 3, kGet, Absent(4))}));
}

TEST(Linearizability, AStaleReadIsFound) {
  EXPECT_FALSE(Explained(History{Told(1, 0, 1, Set("a"), Created(1)),
                                 Told(1, 2, 3, Cas("b", 1), Changed(1, "a", 2)),
                                 Told(2, 4, 5, kGet, Changed(1, "a", 1))}));
}

TEST(Linearizability, ALostUpdateIsFound) {
  EXPECT_FALSE(Explained(History{Told(1, 0, 1, Set("a"), Created(1)),
                                 Told(1, 2, 6, Cas("b", 1), Changed(1, "a", 2)),
                                 Told(2, 3, 5, Cas("c", 1), Changed(1, "a", 3))}));
}

TEST(Linearizability, AnUpdateThatWasAppliedTwiceIsFound) {
  EXPECT_FALSE(Explained(History{Told(1, 0, 1, Set("a"), Created(1)),
                                 Told(1, 2, 3, Cas("b", 1), Changed(1, "a", 2)),
                                 Told(2, 4, 5, kGet, Changed(3, "b", 3))}));
}

TEST(Linearizability, AWriteThatVanishesIsFound) {
  EXPECT_FALSE(
      Explained(History{Told(1, 0, 1, Set("a"), Created(1)),
                        Told(2, 2, 3, kGet, Changed(1, "a", 1)), Told(2, 4, 5, kGet, Absent(1))}));
}

TEST(Linearizability, RevisionsMustRise) {
  EXPECT_FALSE(Explained(History{Told(1, 0, 1, Set("a"), Created(5)),
                                 Told(1, 2, 3, Cas("b", 1), Changed(1, "a", 5))}));
  EXPECT_FALSE(
      Explained(History{Told(1, 0, 1, kGet, Absent(9)), Told(1, 2, 3, Set("a"), Created(9))}));
}

TEST(Linearizability, AnUnknownWriteMayHaveHappenedOrNot) {
  const HistoryCall set = Told(1, 0, 1, Set("a"), Created(1));
  const HistoryCall unknown = NotTold(2, 2, Cas("b", 1));
  EXPECT_TRUE(Explained(History{set, unknown, Told(1, 3, 4, kGet, Changed(1, "a", 1))}));
  EXPECT_TRUE(Explained(History{set, unknown, Told(1, 3, 4, kGet, Changed(2, "b", 7))}));
}

TEST(Linearizability, AnUnknownWriteMayHappenLongAfterwards) {
  EXPECT_TRUE(Explained(History{Told(1, 0, 1, Set("a"), Created(1)), NotTold(2, 2, Cas("b", 1)),
                                Told(1, 30, 40, kGet, Changed(1, "a", 1)),
                                Told(1, 50, 60, kGet, Changed(2, "b", 3))}));
}

TEST(Linearizability, AnUnknownWriteHappensOnceAndNeverBeforeItBegan) {
  const HistoryCall set = Told(1, 0, 1, Set("a"), Created(1));
  const HistoryCall del = Told(1, 10, 11, kDel, Changed(1, "a", 2));
  EXPECT_TRUE(Explained(History{set, NotTold(2, 2, kDel), Told(1, 3, 4, kGet, Absent(2))}));
  EXPECT_FALSE(Explained(History{set, NotTold(2, 5, kDel), Told(1, 3, 4, kGet, Absent(2))}));
  // Set again and gone again: the one unknown del cannot be both.
  EXPECT_FALSE(
      Explained(History{set, NotTold(2, 2, kDel), Told(1, 3, 4, kGet, Absent(2)),
                        Told(1, 5, 6, Set("b"), Created(3)), Told(1, 7, 8, kGet, Absent(4))}));
  EXPECT_FALSE(Explained(History{set, NotTold(2, 2, kDel), Told(1, 3, 4, kGet, Absent(2)), del}));
}

TEST(Linearizability, AnUnknownReadSaysNothing) {
  EXPECT_TRUE(Explained(History{NotTold(1, 0, kGet), Told(2, 1, 2, kGet, Absent(0))}));
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
    EXPECT_TRUE(Explained(MakeHistory(chance, 100))) << "seed " << seed;
  }
}

TEST(Fragment, NamesTheCallsThatContradictEachOther) {
  History history;
  for (int i = 0; i < 50; ++i) history.push_back(Told(3, i, i + 1, kGet, Absent(1)));
  history.push_back(Told(1, 100, 101, Set("a"), Created(2)));
  for (int i = 200; i < 250; ++i) history.push_back(Told(3, i, i + 1, kGet, Changed(1, "a", 2)));
  history.push_back(Told(2, 300, 301, Cas("b", 1), Changed(1, "a", 3)));
  history.push_back(Told(3, 302, 303, kGet, Changed(1, "a", 2)));  // stale
  for (int i = 400; i < 450; ++i) history.push_back(Told(3, i, i + 1, kGet, Changed(2, "b", 3)));
  const Fragment fragment = FindViolation(history);
  EXPECT_THAT(fragment.calls, SizeIs(2)) << fragment.ToText();
  EXPECT_THAT(fragment.ToText(), HasSubstr("cas \"b\" --version 1"));
  EXPECT_THAT(fragment.ToText(), HasSubstr("SUCCESS (1, 0, \"a\") revision 2"));
}

TEST(Fragment, SaysWhenItNeedsTheBeginning) {
  const Fragment fragment = FindViolation(History{Told(1, 0, 1, kGet, Changed(1, "a", 2))});
  EXPECT_THAT(fragment.ToText(), HasSubstr("the key was absent before"));
}

// Tries every order of the calls, and leaves out any that were not told.
bool SomeOrderExplains(const History& left, const KeyState& state) {
  if (std::ranges::none_of(left, [](const HistoryCall& call) { return call.reply.has_value(); })) {
    return true;
  }
  for (size_t i = 0; i < left.size(); ++i) {
    const bool comes_later = std::ranges::any_of(
        left, [&](const HistoryCall& other) { return other.ended < left[i].began; });
    if (comes_later) continue;
    const auto after = Step(state, left[i].operation, left[i].reply ? &*left[i].reply : nullptr);
    if (!after) continue;
    History rest = left;
    rest.erase(rest.begin() + static_cast<ptrdiff_t>(i));
    if (SomeOrderExplains(rest, *after)) return true;
  }
  return false;
}

// Replies with wrong values and with revisions that repeat, go back, or are taken from others.
TEST(Linearizability, AgreesWithTryingEveryOrder) {
  int good = 0;
  int bad = 0;
  for (uint64_t seed = 1; seed <= 4000; ++seed) {
    std::mt19937_64 chance(seed);
    History history = MakeHistory(chance, 7);
    HistoryCall& victim = history[chance() % history.size()];
    const HistoryCall& other = history[chance() % history.size()];
    if (victim.reply && chance() % 4 != 0) {
      if (other.reply && chance() % 2 == 0) {
        victim.reply->revision = other.reply->revision;
      } else {
        victim.reply->revision += chance() % 5 - 2;
      }
      if (other.reply && chance() % 3 == 0) victim.reply->value = other.reply->value;
    }
    const KeyState before{.known = chance() % 2 == 0};
    const bool expected = SomeOrderExplains(history, before);
    ++(expected ? good : bad);
    ASSERT_EQ(Explained(history, before), expected) << "seed " << seed << "\n" << TextOf(history);
  }
  EXPECT_GT(good, 500);
  EXPECT_GT(bad, 500);
}

// Everybody overlaps with everybody, and nobody but the revisions says who came first.
TEST(Linearizability, ManyOverlappingCallsAreJudgedAtOnce) {
  History history;
  for (int i = 1; i <= 1000; ++i) {
    const auto revision = static_cast<uint64_t>(i);
    history.push_back(i == 1 ? Told(i, 0, 9, Set("1"), Created(1))
                             : Told(i, 0, 9, Cas(std::to_string(i), i - 1),
                                    Changed(i - 1, std::to_string(i - 1), revision)));
    history.push_back(Told(i, 0, 9, kGet, Changed(i, std::to_string(i), revision)));
  }
  std::mt19937_64 chance(1);
  std::ranges::shuffle(history, chance);
  EXPECT_TRUE(Explained(history));
  history.push_back(Told(0, 0, 9, Cas("lost", 500), Changed(500, "500", 1001)));
  EXPECT_FALSE(Explained(history));
}

TEST(Linearizability, TheSearchGivesUpWhenTooManyCallsWereNotTold) {
  History history = {Told(0, 0, 1, Set("0"), Created(1))};
  for (int i = 0; i < 40; ++i) history.push_back(NotTold(i, 2, Set(std::to_string(i))));
  for (int i = 0; i < 40; ++i) history.push_back(NotTold(i, 2, kDel));
  history.push_back(Told(0, 3, 4, kGet, Changed(1, "nobody's", 100)));
  EXPECT_EQ(Judge(history), Linearizability::kNotFoundOut);
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
    if (Explained(history)) continue;
    ++found;
    const Fragment fragment = FindViolation(history);
    EXPECT_FALSE(Explained(fragment.calls, {.known = fragment.from_absent})) << "seed " << seed;
    EXPECT_LE(fragment.calls.size(), 30u) << "seed " << seed << "\n" << fragment.ToText();
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
