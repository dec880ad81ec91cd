// SPDX-License-Identifier: Apache-2.0
#include "server/state_comparison.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

constexpr StateHash kGood{1};
constexpr StateHash kBad{2};
constexpr StateHash kWorse{3};

TEST(StateComparison, R24_TheReplicaAgainstWhichAMajorityAgreesIsWrong) {
  EXPECT_EQ(Judge(kBad, {{"n1", kGood}, {"n2", kGood}}, 3), Verdict::kWrong);
  EXPECT_EQ(Judge(kGood, {{"n1", kGood}, {"n2", kBad}}, 3), Verdict::kOtherWrong);
  EXPECT_EQ(Judge(kGood, {{"n1", kBad}, {"n2", kBad}, {"n3", kBad}}, 5), Verdict::kWrong);
}

TEST(StateComparison, WithoutAMajorityNobodyCanTell) {
  EXPECT_EQ(Judge(kGood, {{"n1", kBad}}, 3), Verdict::kUnsure);
  EXPECT_EQ(Judge(kGood, {{"n1", kBad}, {"n2", kWorse}}, 3), Verdict::kUnsure);
  EXPECT_EQ(Judge(kGood, {{"n1", kGood}, {"n2", kBad}}, 5), Verdict::kUnsure);
  EXPECT_EQ(Judge(kGood, {{"n1", kBad}}, 2), Verdict::kUnsure);
}

TEST(StateComparison, ThoseThatAgreeAndThoseThatDoNotAnswerRaiseNoAlarm) {
  EXPECT_EQ(Judge(kGood, {}, 3), Verdict::kSame);
  EXPECT_EQ(Judge(kGood, {{"n1", kGood}}, 3), Verdict::kSame);
  EXPECT_EQ(Judge(kGood, {{"n1", kGood}, {"n2", kGood}}, 3), Verdict::kSame);
}

TEST(RecentHashes, KeepTheSamePlacesOnEveryReplicaAndNotTooMany) {
  RecentHashes hashes;
  for (LogIndex index = 1; index <= 100 * RecentHashes::kEvery; ++index) {
    if (!RecentHashes::Wants(index)) continue;
    hashes.Note({.position = {.index = index}, .hash = {static_cast<uint8_t>(index >> 10)}});
  }
  const auto kept = hashes.Get();
  EXPECT_EQ(kept.size(), RecentHashes::kKept);
  EXPECT_EQ(kept.rbegin()->first, 100 * RecentHashes::kEvery);
  EXPECT_EQ(kept.rbegin()->second, StateHash{100});
}

}  // namespace
}  // namespace tripla
