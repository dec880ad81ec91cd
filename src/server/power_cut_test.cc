// SPDX-License-Identifier: Apache-2.0
// Cuts the power of a whole standalone server at each step of its disk: while it writes its log,
// changes segments, writes images, renames them, removes old ones and releases the log; and again
// during the start. Afterwards everything acknowledged is there, request ids included, and nothing
// else (R13, R16, R18).
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostics.h"
#include "batch/batcher.h"
#include "disk/faulty_disk.h"
#include "log/local/unnoticed_power_cut.h"
#include "server/standalone_recovery.h"
#include "snapshot/image_test_state.h"
#include "snapshot/snapshot_schedule.h"
#include "tests/harness/dose.h"

namespace tripla {
namespace {

using Unsynced = FaultyDisk::Unsynced;

// Small enough that a few batches fill a segment.
constexpr uint64_t kSegmentBytes = 1024;
constexpr LogIndex kBatches = 14;

// The batch for record `index`: creates, changes and removes entries, with and without ids.
Batch BatchOf(LogIndex index) {
  const std::string key = std::to_string(index % 4);
  const std::string data = "data " + std::to_string(index) + std::string(index * 37 % 300, 'x');
  std::vector<Command> commands = {MakeCommand(CommandKind::kSet, key, data),
                                   MakeCommand(CommandKind::kTestAndSet, key, "again " + data, 1)};
  if (index % 5 == 4) commands.push_back(MakeCommand(CommandKind::kDel, key));
  if (index % 2 == 0) commands[0] = WithId(commands[0], 'a', index, index);
  return {std::move(commands)};
}

// The state after the first `last` records.
StateSummary StateAfter(LogIndex last) {
  StateMachine machine;
  for (LogIndex index = 1; index <= last; ++index) machine.Apply({.index = index}, BatchOf(index));
  return machine.GetSummary();
}

// One server's disk, and which writes its clients submitted and saw acknowledged.
class Life {
 public:
  explicit Life(FaultyDisk& disk) : disk_(disk) {}

  // Starts; false once the power is cut.
  bool Start() {
    End();
    absl::StatusOr<DataDirectory> directory = DataDirectory::Open(disk_, "/data");
    if (disk_.cut()) return false;
    EXPECT_TRUE(directory.ok()) << directory.status();
    if (!directory.ok()) return false;
    directory_.emplace(*std::move(directory));
    images_.emplace(*directory_);
    absl::StatusOr<RecoveredStandalone> recovered =
        RecoverStandalone(*directory_, {.segment_bytes = kSegmentBytes}, *images_);
    if (disk_.cut()) return false;
    EXPECT_TRUE(recovered.ok()) << recovered.status();
    if (!recovered.ok()) return false;
    server_ = *std::move(recovered);
    schedule_.emplace(*images_, *server_.machine, *server_.log,
                      SnapshotSchedule::Options{.interval = std::chrono::milliseconds(0)});
    batcher_.emplace(*server_.log);
    const StateSummary found = server_.machine->GetSummary();
    EXPECT_GE(found.position.index, acknowledged_) << "an acknowledged write is lost";
    EXPECT_LE(found.position.index, submitted_) << "a write was invented";
    EXPECT_EQ(found, StateAfter(found.position.index));
    acknowledged_ = submitted_ = found.position.index;
    return !testing::Test::HasFailure();
  }

  // Submits records up to `last`, and takes an image after every third.
  bool RunThrough(LogIndex last) {
    while (acknowledged_ < last) {
      submitted_ = acknowledged_ + 1;
      std::promise<absl::Status> answered;
      EXPECT_TRUE(
          batcher_
              ->Enqueue(
                  {.commands = BatchOf(submitted_).commands,
                   .done = [&](const auto& outcomes) { answered.set_value(outcomes.status()); }})
              .ok());
      const absl::Status answer = answered.get_future().get();
      if (disk_.cut()) return false;
      EXPECT_TRUE(answer.ok()) << answer;
      acknowledged_ = submitted_;
      if (acknowledged_ % 3 == 0 && !TakeImage()) return false;
    }
    return true;
  }

  // Destroys the server's parts.
  void End() {
    batcher_.reset();
    schedule_.reset();
    server_.log = nullptr;
    server_.machine = nullptr;
    images_.reset();
    directory_.reset();
  }

 private:
  // Writes an image and then releases the log that it holds.
  bool TakeImage() {
    std::promise<absl::Status> written;
    schedule_->Request([&](const auto& image) { written.set_value(image.status()); });
    const absl::Status status = written.get_future().get();
    if (disk_.cut()) return false;
    EXPECT_TRUE(status.ok()) << status;
    return true;
  }

  UnnoticedPowerCut disk_;
  std::optional<DataDirectory> directory_;
  std::optional<ImageStore> images_;
  RecoveredStandalone server_;
  std::optional<SnapshotSchedule> schedule_;
  std::optional<Batcher> batcher_;
  LogIndex acknowledged_ = 0;
  LogIndex submitted_ = 0;
};

class PowerCutOfAServer : public testing::TestWithParam<Unsynced> {
 protected:
  void SetUp() override { SetLowestSeverity(Severity::kError); }  // torn ends are no news here
  void TearDown() override { SetLowestSeverity(Severity::kInfo); }
};

TEST_P(PowerCutOfAServer, AtAnyStepAndAgainWhileItStartsLosesNothingAcknowledged) {
  bool through = false;
  uint64_t step = 1;
  for (; !through && !HasFailure(); step += kCaseStride) {
    for (uint64_t seed = 1; seed <= 4 && !HasFailure(); ++seed) {
      SCOPED_TRACE(testing::Message() << "step " << step << ", seed " << seed);
      FaultyDisk disk(seed);
      Life life(disk);
      disk.CutPowerAt(step);
      if (life.Start() && life.RunThrough(kBatches)) life.Start();
      through = disk.steps() < step;
      life.End();
      disk.Restart(GetParam());
      disk.CutPowerAt(disk.steps() + 2 * seed);
      if (life.Start()) life.RunThrough(kBatches + 2);
      life.End();
      disk.Restart(GetParam());
      ASSERT_TRUE(life.Start());
      ASSERT_TRUE(life.RunThrough(kBatches + 4));
      ASSERT_TRUE(life.Start());
    }
  }
  EXPECT_GT(step, 100u) << "a life has more steps than this";
}

std::string NameOf(const testing::TestParamInfo<Unsynced>& info) {
  static constexpr const char* kNames[] = {"Lost", "ByChance", "Kept"};
  return kNames[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Unsynced, PowerCutOfAServer,
                         testing::Values(Unsynced::kLost, Unsynced::kByChance, Unsynced::kKept),
                         NameOf);

}  // namespace
}  // namespace tripla
