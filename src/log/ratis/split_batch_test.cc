// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/split_batch.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

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

// Keeps what is submitted until the test answers it.
class Submitted {
 public:
  SubmitPartFn Fn() {
    return [this](Batch part, bool first, Log::DoneFn done) {
      EXPECT_EQ(first, sizes_.empty());
      sizes_.push_back(part.commands.size());
      done_ = std::move(done);
    };
  }
  void Answer(Outcomes outcomes) { std::exchange(done_, nullptr)(std::move(outcomes)); }
  [[nodiscard]] const std::vector<size_t>& sizes() const { return sizes_; }

 private:
  std::vector<size_t> sizes_;
  Log::DoneFn done_;
};

TEST(SubmitInTurn, C10_APartIsSubmittedWhenTheOneBeforeItWasApplied) {
  Submitted submitted;
  Outcomes result = absl::InternalError("not called");
  SubmitInTurn({OfData({1, 1}), OfData({1})}, submitted.Fn(),
               [&](Outcomes outcomes) { result = std::move(outcomes); });
  EXPECT_EQ(submitted.sizes(), std::vector<size_t>{2});
  submitted.Answer(WithRevisions({1, 2}));
  EXPECT_EQ(submitted.sizes(), (std::vector<size_t>{2, 1}));
  EXPECT_FALSE(result.ok());
  submitted.Answer(WithRevisions({3}));
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ((*result)[i].revision, i + 1);
}

TEST(SubmitInTurn, C10_AfterAPartThatFailedNoneIsSubmitted) {
  for (const bool first_fails : {true, false}) {
    Submitted submitted;
    Outcomes result = absl::InternalError("not called");
    SubmitInTurn({OfData({1}), OfData({1, 1}), OfData({1})}, submitted.Fn(),
                 [&](Outcomes outcomes) { result = std::move(outcomes); });
    if (!first_fails) submitted.Answer(WithRevisions({1}));
    submitted.Answer(absl::UnavailableError("this node does not lead"));
    EXPECT_EQ(submitted.sizes().size(), first_fails ? 1u : 2u);
    EXPECT_EQ(result.status().code(),
              first_fails ? absl::StatusCode::kUnavailable : absl::StatusCode::kUnknown);
  }
}

}  // namespace
}  // namespace tripla
