// SPDX-License-Identifier: Apache-2.0
//
// Memory is bounded, however long writes and images continue (S13).
#include "state/reclaimer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "state/state_machine.h"
#include "state/state_test_commands.h"

namespace tripla {
namespace {

// Overwrites a set of keys repeatedly, in batches, so that each view holds many objects that
// nothing else reaches.
class Overwriter {
 public:
  static constexpr int kKeys = 500;

  explicit Overwriter(StateMachine& machine) : machine_(machine) {
    std::vector<Command> commands;
    for (int i = 0; i < kKeys; ++i) {
      commands.push_back(Make(CommandKind::kSet, std::to_string(i), 0, "data"));
    }
    Apply(std::move(commands));
  }

  void WriteBatch(int commands_per_batch) {
    std::vector<Command> commands;
    for (int i = 0; i < commands_per_batch; ++i, ++written_) {
      commands.push_back(Make(CommandKind::kTestAndSet, std::to_string(written_ % kKeys),
                              1 + written_ / kKeys, "data"));
    }
    Apply(std::move(commands));
  }

 private:
  void Apply(std::vector<Command> commands) {
    machine_.Apply({.index = machine_.GetSummary().position.index + 1}, {std::move(commands)});
  }

  StateMachine& machine_;
  int written_ = 0;
};

// What a load of one kind keeps waiting at most, in its first tenth and behind it.
struct Peaks {
  size_t early = 0;
  size_t late = 0;
};

Peaks PeaksOf(int commands_per_batch, int batches_per_image, int images) {
  StateMachine machine;
  Overwriter overwriter(machine);
  Peaks peaks;
  for (int image = 0; image < images; ++image) {
    const StateView view = machine.Freeze();
    for (int batch = 0; batch < batches_per_image; ++batch) {
      overwriter.WriteBatch(commands_per_batch);
      size_t& peak = image < std::max(2, images / 10) ? peaks.early : peaks.late;
      peak = std::max(peak, machine.waiting());
    }
  }
  machine.CheckInvariants();
  return peaks;
}

// A day has 2,880 images at the default interval of 30 s.
TEST(Reclaimer, S13_MemoryIsFlatThroughADaysImagesWhateverTheBatches) {
  struct Load {
    int commands_per_batch;
    int batches_per_image;
    int images;
  };
  for (const Load& load : {Load{1, 20, 2880}, Load{10, 50, 500}, Load{500, 20, 100},
                           Load{500, 1, 1000}, Load{4000, 3, 50}, Load{3, 2000, 20}}) {
    const Peaks peaks = PeaksOf(load.commands_per_batch, load.batches_per_image, load.images);
    EXPECT_LE(peaks.late, peaks.early + peaks.early / 5)
        << load.commands_per_batch << " commands a batch, " << load.batches_per_image
        << " batches an image";
  }
}

TEST(Reclaimer, S13_ViewsThatOverlapAllTheTimeKeepWhatTheyReachOnly) {
  StateMachine machine;
  Overwriter overwriter(machine);
  std::optional<StateView> older;
  size_t early = 0;
  size_t late = 0;
  for (int image = 0; image < 100; ++image) {
    StateView newer = machine.Freeze();
    for (int batch = 0; batch < 10; ++batch) {
      overwriter.WriteBatch(500);
      size_t& peak = image < 10 ? early : late;
      peak = std::max(peak, machine.waiting());
    }
    older.emplace(std::move(newer));
  }
  EXPECT_LE(late, early + early / 5);
}

TEST(Reclaimer, S13_WhatAViewHeldGoesThoughNobodyWritesAnyMore) {
  StateMachine machine;
  Overwriter overwriter(machine);
  {
    const StateView view = machine.Freeze();
    for (int i = 0; i < 20; ++i) overwriter.WriteBatch(1000);
    machine.Reclaim();
    EXPECT_GE(machine.waiting(), size_t{Overwriter::kKeys}) << "a view lost what it shows";
    EXPECT_EQ(view.Get(*Key::Parse("1")).entry->version(), 1);
  }
  machine.Reclaim();
  EXPECT_EQ(machine.waiting(), 0u);
  machine.CheckInvariants();
}

TEST(Reclaimer, S13_ItReclaimsWhileOthersWriteAndRead) {
  StateMachine machine;
  Overwriter overwriter(machine);
  std::atomic<bool> done = false;
  std::thread reclaiming([&] {
    while (!done) machine.Reclaim();
  });
  std::thread reading([&] {
    while (!done) {
      const StateView view = machine.Freeze();
      const int64_t first = view.Get(*Key::Parse("0")).entry->version();
      const int64_t last = view.Get(*Key::Parse("499")).entry->version();
      ASSERT_LE(last, first);
      ASSERT_GE(last + 1, first);
    }
  });
  for (int i = 0; i < 1000; ++i) overwriter.WriteBatch(100);
  done = true;
  reclaiming.join();
  reading.join();
  machine.Reclaim();
  EXPECT_EQ(machine.waiting(), 0u);
  machine.CheckInvariants();
}

}  // namespace
}  // namespace tripla
