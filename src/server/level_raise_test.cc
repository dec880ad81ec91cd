// SPDX-License-Identifier: Apache-2.0
// R28 on a server that stands alone, in a program that knows three levels. tests/cluster/level_test
// has the leader of a cluster.
#include "server/level_raise.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "batch/batcher.h"
#include "log/memory_log.h"
#include "model/level.h"
#include "state/state_machine.h"

namespace tripla {

const Level kHighestLevel = 3;

namespace {

class LevelRaiseTest : public testing::Test {
 protected:
  // Looks once, and waits until the log has everything.
  std::string LookWith(Level level_max) {
    LevelRaise raise({machine_, log_, batcher_, nullptr}, level_max);
    raise.Step();
    batcher_.Stop();
    raise.Step();
    return raise.held_back();
  }
  StateSummary state() const { return machine_.GetSummary(); }

 private:
  StateMachine machine_;
  MemoryLog log_{{}, [this](LogPosition position, const Batch& batch) {
                   return machine_.Apply(position, batch);
                 }};
  Batcher batcher_{log_};
};

TEST_F(LevelRaiseTest, ReachesTheHighestByOneRecord) {
  EXPECT_EQ(LookWith(std::numeric_limits<Level>::max()), "");
  EXPECT_EQ(state().level, 3u);
  EXPECT_EQ(state().position.index, 1u);
}

TEST_F(LevelRaiseTest, StopsWhereItIsHeldBack) {
  EXPECT_EQ(LookWith(2), "--level-max 2");
  EXPECT_EQ(state().level, 2u);
}

TEST_F(LevelRaiseTest, WritesNothingWhenNothingIsToBeRaised) {
  EXPECT_EQ(LookWith(1), "--level-max 1");
  EXPECT_EQ(state().level, 1u);
  EXPECT_EQ(state().position.index, 0u);
}

}  // namespace
}  // namespace tripla
