// SPDX-License-Identifier: Apache-2.0
#include "log/memory_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tripla {
namespace {

using testing::ElementsAre;

TEST(MemoryLog, AppliesEachBatchAtTheNextPlaceAndForgetsIt) {
  std::vector<LogIndex> applied;
  MemoryLog log({.index = 41}, [&](LogPosition position, const Batch& batch) {
    applied.push_back(position.index);
    return std::vector<Outcome>(batch.commands.size());
  });
  for (const size_t commands : {3, 0, 1}) {
    size_t outcomes = 99;
    log.Submit({std::vector<Command>(commands)},
               [&](const auto& answer) { outcomes = answer->size(); });
    EXPECT_EQ(outcomes, commands);
  }
  EXPECT_THAT(applied, ElementsAre(42, 43, 44));
  EXPECT_TRUE(log.ReleasePrefix(43, Log::Release::kUsual).ok());
  EXPECT_EQ(log.GetStats().last.index, 44u);
  EXPECT_EQ(log.GetStats().first, 45u) << "it holds nothing";
  EXPECT_EQ(log.GetStats().bytes, 0u);
}

TEST(MemoryLog, AfterStopIsUnavailable) {
  MemoryLog log({}, [](LogPosition, const Batch&) { return std::vector<Outcome>(); });
  log.Stop();
  absl::Status answer;
  log.Submit({}, [&](const auto& outcomes) { answer = outcomes.status(); });
  EXPECT_TRUE(absl::IsUnavailable(answer)) << answer;
  EXPECT_EQ(log.GetStats().last.index, 0u);
}

}  // namespace
}  // namespace tripla
