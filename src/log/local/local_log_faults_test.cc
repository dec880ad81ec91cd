// SPDX-License-Identifier: Apache-2.0
// The local log when its disk fails, fills, or loses power (R18, R19, design 6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "base/diagnostics.h"
#include "disk/faulty_disk.h"
#include "log/local/test_log.h"
#include "log/local/unnoticed_power_cut.h"
#include "tests/harness/dose.h"

namespace tripla {
namespace {

using Unsynced = FaultyDisk::Unsynced;

const FsyncPolicy kAlways{FsyncPolicy::Mode::kAlways};
const FsyncPolicy kNever{FsyncPolicy::Mode::kNever};

// The life of a server up to a power cut or its end, and which batches it acknowledged.
class Life {
 public:
  Life(FaultyDisk& disk, FsyncPolicy fsync, bool prepare_ahead = false)
      : disk_(disk), log_(disk_, fsync, "/data", prepare_ahead) {}

  // Starts, writes batches over several segments, releases the first ones, and starts again.
  void Run() {
    if (!Start() || !SubmitThrough(last_ + 12)) return;
    image_ = 6;
    (void)log_->ReleasePrefix(image_, Log::Release::kUsual);
    if (!disk_.cut() && Start()) SubmitThrough(last_ + 8);
  }

  // Opens the log, which must hold what it must. False once the power is cut.
  bool Start() {
    const absl::Status opened = log_.Open(image_);
    if (disk_.cut()) return false;
    EXPECT_TRUE(opened.ok()) << opened;
    if (!opened.ok()) return false;
    last_ = log_->GetStats().last.index;
    EXPECT_GE(last_, acknowledged_) << "an acknowledged batch is lost";
    EXPECT_LE(last_, submitted_) << "a batch was invented";
    EXPECT_EQ(log_.batches(), SampleBatches(image_ + 1, last_));
    // Readers see these batches from now on, so they must not be lost.
    acknowledged_ = submitted_ = last_;
    return true;
  }

  // False once the power is cut.
  bool SubmitThrough(LogIndex last) {
    while (last_ < last) {
      submitted_ = last_ + 1;
      const absl::Status answer = log_.SubmitNext();
      if (disk_.cut()) return false;
      EXPECT_TRUE(answer.ok()) << answer;
      acknowledged_ = ++last_;
    }
    return true;
  }

  // Ends the process without the log's knowledge.
  void End() { log_.Close(); }

  // Without fsync a power cut may lose acknowledged batches.
  void ForgetAcknowledged() { acknowledged_ = 0; }

 private:
  UnnoticedPowerCut disk_;
  TestLog log_;
  LogIndex image_ = 0;
  LogIndex last_ = 0;
  LogIndex acknowledged_ = 0;
  LogIndex submitted_ = 0;
};

struct PowerCase {
  FsyncPolicy fsync;
  Unsynced unsynced;
  bool prepare_ahead = false;
};

// Cuts the power at the first, second, third ... disk operation of a life until one completes, and
// again at one of the start that follows.
class PowerCut : public testing::TestWithParam<PowerCase> {
 protected:
  void SetUp() override { SetLowestSeverity(Severity::kError); }  // torn ends are no news here
  void TearDown() override { SetLowestSeverity(Severity::kInfo); }
};

TEST_P(PowerCut, AtAnyStepAndAgainWhileItStartsKeepsWhatItMust) {
  const PowerCase power = GetParam();
  const bool keeps_acknowledged = power.fsync == kAlways || power.unsynced == Unsynced::kKept;
  bool through = false;
  for (uint64_t step = 1; !through && !HasFailure(); step += kCaseStride) {
    for (uint64_t seed = 1; seed <= 8 && !HasFailure(); ++seed) {
      SCOPED_TRACE(testing::Message() << "step " << step << ", seed " << seed);
      FaultyDisk disk(seed);
      Life life(disk, power.fsync, power.prepare_ahead);
      const auto restart = [&] {
        life.End();
        disk.Restart(power.unsynced);
        if (!keeps_acknowledged) life.ForgetAcknowledged();
      };
      disk.CutPowerAt(step);
      life.Run();
      through = disk.steps() < step;
      restart();
      disk.CutPowerAt(disk.steps() + seed);
      if (life.Start()) life.SubmitThrough(22);
      restart();
      EXPECT_TRUE(life.Start());
      EXPECT_TRUE(life.SubmitThrough(24));
      EXPECT_TRUE(life.Start());
    }
  }
}

std::string NameOf(const testing::TestParamInfo<PowerCase>& info) {
  static constexpr const char* kUnsynced[] = {"Lost", "ByChance", "Kept"};
  return FsyncPolicyText(info.param.fsync) + kUnsynced[static_cast<int>(info.param.unsynced)] +
         (info.param.prepare_ahead ? "PreparedAhead" : "");
}

INSTANTIATE_TEST_SUITE_P(
    Fsync, PowerCut,
    testing::Values(PowerCase{kAlways, Unsynced::kLost}, PowerCase{kAlways, Unsynced::kByChance},
                    PowerCase{kAlways, Unsynced::kKept}, PowerCase{kNever, Unsynced::kLost},
                    PowerCase{kNever, Unsynced::kByChance}, PowerCase{kNever, Unsynced::kKept},
                    PowerCase{kAlways, Unsynced::kByChance, true},
                    PowerCase{kAlways, Unsynced::kKept, true}),
    NameOf);

// Runs a life in which one disk operation fails. Exits with 0 if the batch was refused and repeated
// and nothing is lost; with 1 if the log ended the process; with 2 otherwise.
[[noreturn]] void LiveWithFailure(uint64_t step, const absl::Status& failure) {
  FaultyDisk disk;
  TestLog log(disk);
  const auto expect = [&](bool good, const absl::Status& status) {
    if (good) return;
    std::fprintf(stderr, "step %d: %s\n", static_cast<int>(step), status.ToString().c_str());
    std::_Exit(2);
  };
  const auto insist = [&](const std::function<absl::Status()>& act) {
    const absl::Status first = act();
    expect(first.ok() || first.message().find("injected") != std::string::npos, first);
    if (first.ok()) return;
    const absl::Status second = act();
    expect(second.ok(), second);
  };
  disk.FailAt(step, failure);
  insist([&] { return log.Open(); });
  for (int i = 0; i < 14; ++i) {
    const absl::Status answer = log.SubmitNext();
    expect(answer.ok() || (absl::IsResourceExhausted(answer) && absl::IsResourceExhausted(failure)),
           answer);
    if (!answer.ok()) insist([&] { return log.Submit(SampleBatch(1)); });  // goes into what is left
  }
  const LogIndex last = log->GetStats().last.index;
  auto expected = log.batches();
  insist([&] { return log->ReleasePrefix(6, Log::Release::kUsual); });
  expected.erase(expected.begin(), expected.upper_bound(6));
  insist([&] { return log.Open(6); });
  expect(log->GetStats().last.index == last && log.batches() == expected,
         absl::DataLossError("what was acknowledged is not there"));
  std::fprintf(stderr, "all is well\n");
  std::_Exit(0);
}

uint64_t StepsOfALife() {
  FaultyDisk disk;
  Life(disk, kAlways).Run();
  return disk.steps();
}

TEST(LocalLogFailure, OfAnyStepEndsTheProcessOrLosesNothing) {
  const auto exits = [](int status) { return WIFEXITED(status) && WEXITSTATUS(status) <= 1; };
  for (const absl::Status& failure :
       {absl::InternalError("injected: Input/output error"),
        absl::ResourceExhaustedError("injected: No space left on device")}) {
    for (uint64_t step = 1; step <= StepsOfALife(); step += kCaseStride) {
      SCOPED_TRACE(step);
      EXPECT_EXIT(
          LiveWithFailure(step, failure), exits,
          "all is well|injected: .*; the log's state on disk is unknown, so the server stops");
    }
  }
}

TEST(LocalLogFailure, ARefusalIsToldWithoutHoldingTheFile) {
  FaultyDisk disk;
  TestLog log(disk);
  ASSERT_TRUE(log.Open().ok());
  disk.SetCapacity(0);
  bool told = false;
  log->Submit(SampleBatch(1), [&](const auto& outcomes) {
    EXPECT_TRUE(absl::IsResourceExhausted(outcomes.status())) << outcomes.status();
    log->Stop();  // syncs the file
    told = true;
  });
  EXPECT_TRUE(told);
}

// Submits the second record, its write or its sync failing as told.
void SubmitWithFailureAfter(uint64_t steps, const std::string& message) {
  FaultyDisk disk;
  TestLog log(disk);
  if (!log.Open().ok() || !log.SubmitNext().ok()) return;
  disk.FailAt(disk.steps() + steps, absl::InternalError(message));
  (void)log.SubmitNext();
}

// Removals were refused although an image, after which the log can go, was about to come.
TEST(LocalLogFailure, S14_ABatchWaitsForTheRoomOfItsSegmentWhileTheLogIsReleased) {
  FaultyDisk disk;
  TestLog log(disk);
  bool full = false;
  int waits = 0;
  const auto now = [&](uint64_t) {
    return full ? absl::ResourceExhaustedError("full") : absl::OkStatus();
  };
  log.SetRoom(now, [&](uint64_t bytes) {
    EXPECT_GE(bytes, kTestSegmentBytes);
    ++waits;
    full = false;
    std::thread schedule([&] {
      EXPECT_TRUE(log->ReleasePrefix(log->GetStats().last.index, Log::Release::kAll).ok());
    });
    schedule.join();
    return now(bytes);
  });
  ASSERT_TRUE(log.Open().ok());
  for (LogIndex index = 1; index <= 30; ++index) {
    full = true;
    ASSERT_TRUE(log.SubmitNext().ok()) << index;
  }
  EXPECT_GT(waits, 3);
  EXPECT_EQ(log->GetStats().refusal, "");
}

TEST(LocalLogFailure, WhoWaitsForRoomInVainIsRefused) {
  FaultyDisk disk;
  TestLog log(disk);
  const auto full = [](uint64_t) { return absl::ResourceExhaustedError("full"); };
  log.SetRoom(full, full);
  ASSERT_TRUE(log.Open().ok());
  EXPECT_TRUE(absl::IsResourceExhausted(log.SubmitNext()));
  EXPECT_NE(log->GetStats().refusal, "");
}

TEST(LocalLogFailure, OfAWriteEndsTheProcess) {
  EXPECT_EXIT(SubmitWithFailureAfter(1, "write /data/log/1.wal: Input/output error"),
              testing::ExitedWithCode(1),
              "critical write /data/log/1.wal: Input/output error; .* check the disk");
}

TEST(LocalLogFailure, OfASyncEndsTheProcess) {
  EXPECT_EXIT(SubmitWithFailureAfter(2, "fdatasync /data/log/1.wal: Input/output error"),
              testing::ExitedWithCode(1),
              "critical fdatasync /data/log/1.wal: Input/output error; .* check the disk");
}

// A directory for one test, removed with everything in it.
class RealDisk : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(path_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(path_); }

  std::string path_ = testing::TempDir() + "tripla-log-XXXXXX";
};

TEST_F(RealDisk, GivesBackAllBatches) {
  TestLog log(PosixDisk(), kAlways, path_ + "/data");
  ASSERT_TRUE(log.Open().ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log.SubmitNext().ok());
  ASSERT_TRUE(log.Open().ok());
  EXPECT_EQ(log.batches(), SampleBatches(1, 20));
  ASSERT_TRUE(log->ReleasePrefix(15, Log::Release::kUsual).ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(log.SubmitNext().ok());
  ASSERT_TRUE(log.Open(15).ok());
  EXPECT_EQ(log.batches(), SampleBatches(16, 40));
}

TEST_F(RealDisk, AFailedWriteEndsTheProcessAndNamesPathAndError) {
  const auto write_beyond_limit = [&] {
    TestLog log(PosixDisk(), kAlways, path_ + "/data");
    if (!log.Open().ok() || !log.SubmitNext().ok()) return;
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{.rlim_cur = 600, .rlim_max = 600};
    if (setrlimit(RLIMIT_FSIZE, &limit) == 0) (void)log.SubmitNext();
  };
  EXPECT_EXIT(
      write_beyond_limit(), testing::ExitedWithCode(1),
      "write .*/data/log/00000000000000000001.wal: File too large .raise the server's limit.*; "
      "the log's state on disk is unknown");
}

}  // namespace
}  // namespace tripla
