// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/split_batch.h"

#include <gtest/gtest.h>

#include <iterator>

#include "model/batch_codec.h"

namespace tripla {
namespace {

using Outcomes = absl::StatusOr<std::vector<Outcome>>;

Batch OfData(const std::vector<size_t>& sizes) {
  Batch batch;
  for (const size_t size : sizes) {
    batch.commands.push_back({.kind = CommandKind::kSet, .data = std::string(size, 'd')});
  }
  return batch;
}

std::vector<Outcome> WithRevisions(const std::vector<uint64_t>& revisions) {
  std::vector<Outcome> outcomes;
  for (const uint64_t revision : revisions) outcomes.push_back({.revision = revision});
  return outcomes;
}

TEST(SplitBatch, WhatFitsStaysOne) {
  EXPECT_EQ(SplitBatch(OfData({1, 2, 3}), 1000).size(), 1u);
  EXPECT_EQ(SplitBatch({}, 1000).size(), 1u);  // an empty one is ordered too
}

TEST(SplitBatch, PartsKeepTheOrderAndTheLimitButForSingleCommands) {
  const Batch whole = OfData({100, 900, 100, 100, 5000, 1, 1});
  const std::vector<Batch> parts = SplitBatch(whole, 1000);
  Batch joined;
  for (const Batch& part : parts) {
    size_t bytes = 0;
    for (const Command& command : part.commands) bytes += EncodedBytes(command);
    EXPECT_TRUE(bytes <= 1000 || part.commands.size() == 1) << bytes;
    EXPECT_FALSE(part.commands.empty());
    joined.commands.insert(joined.commands.end(), part.commands.begin(), part.commands.end());
  }
  EXPECT_EQ(joined, whole);
  EXPECT_EQ(parts.size(), 5u);
}

TEST(JoinOutcomes, GivesTheOutcomesOfAllPartsInOrderWheneverTheyCome) {
  Outcomes result = absl::InternalError("not called");
  const auto takers = JoinOutcomes(2, [&](Outcomes outcomes) { result = std::move(outcomes); });
  takers[1](WithRevisions({3}));
  EXPECT_FALSE(result.ok());
  takers[0](WithRevisions({1, 2}));
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ((*result)[i].revision, i + 1);
}

TEST(JoinOutcomes, WhatMayHaveBeenAppliedInPartIsUnknown) {
  Outcomes result = WithRevisions({});
  const auto taker = [&](Outcomes outcomes) { result = std::move(outcomes); };
  auto takers = JoinOutcomes(2, taker);
  takers[0](WithRevisions({1}));
  takers[1](absl::UnavailableError("stopped"));
  EXPECT_TRUE(absl::IsUnknown(result.status()));

  takers = JoinOutcomes(2, taker);
  takers[0](absl::UnavailableError("stopped"));
  takers[1](absl::UnavailableError("stopped"));
  EXPECT_TRUE(absl::IsUnavailable(result.status()));  // surely not applied
}

}  // namespace
}  // namespace tripla
