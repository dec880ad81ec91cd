// SPDX-License-Identifier: Apache-2.0
// R28: the level is a part of the state.
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "model/level.h"
#include "state/state_hash.h"
#include "state/state_machine.h"
#include "state/state_test_commands.h"

namespace tripla {
namespace {

Outcome Raise(StateMachine& machine, int64_t level) {
  Command raise{.kind = CommandKind::kRaiseLevel, .version = level};
  return machine
      .Apply({.index = machine.GetSummary().position.index + 1}, {.commands = {std::move(raise)}})
      .front();
}

TEST(StateLevel, R28_RisesByOneAndNeverFalls) {
  StateMachine machine;
  EXPECT_EQ(machine.GetSummary().level, kFirstLevel);
  const std::vector<std::pair<int64_t, Level>> raises = {{1, 1}, {3, 1}, {0, 1}, {-1, 1}, {2, 2},
                                                         {2, 2}, {1, 2}, {4, 2}, {3, 3}};
  for (const auto& [to, expected] : raises) {
    EXPECT_EQ(Text(Raise(machine, to)), "1@0 null");
    EXPECT_EQ(machine.GetSummary().level, expected) << to;
    machine.CheckInvariants();
  }
}

TEST(StateLevel, R28_IsUnderTheHashUnlessItIsTheFirst) {
  StateMachine machine;
  EXPECT_EQ(machine.GetSummary().hash, StateHash{});
  std::set<StateHash> hashes = {StateHash{}};
  for (int64_t level = 2; level <= 9; ++level) {
    Raise(machine, level);
    hashes.insert(machine.GetSummary().hash);
    StateHashSum forgotten;
    forgotten.ReplaceForgotten(0, level);
    hashes.insert(forgotten.value());
  }
  EXPECT_EQ(hashes.size(), 17u) << "two different states have one hash";
}

TEST(StateLevel, R28_IsKeptByAnImageAndBySuchAsBeginAnew) {
  StateMachine machine;
  machine.Apply({.index = 1}, {.commands = {Make(CommandKind::kSet, "1")}});
  Raise(machine, 2);
  std::unique_ptr<StateMachine> loaded = *Reload(machine.Freeze());
  EXPECT_EQ(loaded->GetSummary(), machine.GetSummary());
  loaded->CheckInvariants();
  StateMachine installed;
  installed.Install(std::move(loaded));
  EXPECT_EQ(installed.GetSummary().level, 2u);
  installed.BeginAnew({.term = 1, .index = 7}, 100);
  EXPECT_EQ(installed.GetSummary().level, 2u);
  installed.CheckInvariants();
}

TEST(StateLevel, AnImageOfAnotherLevelThanItsHashSaysIsRefused) {
  StateMachine machine;
  Raise(machine, 2);
  const StateView view = machine.Freeze();
  for (const Level level : {1, 3}) {
    StateLoader loader;
    ASSERT_TRUE(AddAll(view, loader).ok());
    StateSummary summary = view.summary();
    summary.level = level;
    EXPECT_TRUE(absl::IsDataLoss(loader.Finish(summary).status())) << level;
  }
}

}  // namespace
}  // namespace tripla
