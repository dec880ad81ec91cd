// SPDX-License-Identifier: Apache-2.0
// Faults of every kind at once, at random, with three servers and with five (R11, R13, R27, R28):
// what clients are told stays linearizable, every write is applied once, no server ends, and within
// a minute after the last fault all hold the same.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "tests/cluster/storm.h"
#include "tests/cluster/successive_writes.h"
#include "tests/harness/check_run.h"
#include "tests/harness/clock_rate.h"
#include "tests/harness/dose.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kDiskBytes = uint64_t{96} << 20;
constexpr seconds kSameStateWithin{60};
// Any call is decided by then: what is healed serves.
constexpr seconds kPatience{120};

struct Dose {
  int storms;
  seconds each;
  seconds calm;  // clients go on after it for so long
  Storm::Density density;
};

Dose TheDose() {
  if (!LongDose()) {
    return {1,
            seconds(4),
            seconds(1),
            {milliseconds(200), milliseconds(700), milliseconds(200), seconds(2)}};
  }
  // TRIPLA_STORMS of them, or for half an hour.
  const char* const storms = std::getenv("TRIPLA_STORMS");
  return {storms != nullptr ? std::atoi(storms) : 12,
          seconds(140),
          seconds(5),
          {seconds(1), seconds(8), milliseconds(500), seconds(8)}};
}

class ManyFaults : public testing::TestWithParam<int> {
 protected:
  static constexpr int kServersMost = 5;

  static void SetUpTestSuite() { network_ = new Network(kServersMost); }
  static void TearDownTestSuite() { delete network_; }

  void SetUp() override {
    if (!network_->made()) GTEST_SKIP() << network_->why_not();
    std::vector<TestCluster::Place> places(GetParam());
    for (int i = 0; i < GetParam(); ++i) {
      places[i].host = network_->host(i);
      places[i].launcher = network_->launcher(i);
      const int64_t gains = Storm::kClockGainsPpmMost * (i % 2 == 0 ? 1 : -1);
      places[i].environment = ClockThatGains(gains, TRIPLA_CLOCK_RATE);
      disks_.push_back(std::make_unique<SmallDisk>(kDiskBytes));
      ASSERT_TRUE(disks_[i]->mounted()) << disks_[i]->why_not();
      std::filesystem::create_directory(disks_[i]->path() + "/data");
      std::filesystem::create_directory_symlink(disks_[i]->path() + "/data",
                                                directory_.path() + "/n" + std::to_string(i + 1));
    }
    cluster_ = std::make_unique<TestCluster>(
        directory_.path(), std::vector<std::string>{"--snapshot-interval", "2s"}, places);
    storm_ = std::make_unique<Storm>(*cluster_, *network_, disks_, Seed());
  }

  void TearDown() override {
    if (HasFailure() && storm_ != nullptr) storm_->SaveEvidence();
  }

  // Lets clients work through a storm, and for a moment afterwards.
  void PassStorm(int number, const Dose& dose) {
    SuccessiveWrites writes(cluster_->endpoints(), {.clients = kWriters,
                                                    .first_key = number * kWriters,
                                                    .data_bytes = 30'000,
                                                    .patience = dose.each + kPatience,
                                                    .refusals = true,
                                                    .pause = milliseconds(30),
                                                    .readers = true});
    CheckRun check(cluster_->endpoints(), dose.each + dose.calm, dose.each + kPatience);
    storm_->RunUntil(Storm::Clock::now() + dose.each, dose.density);
    const Storm::Clock::time_point healed = storm_->healed();
    if (HasFailure()) return;
    storm_->Say("all are ready");
    check.Finish();
    storm_->Say("the check has ended");
    writes.End();
    storm_->Say("the writers have ended");
    cluster_->AwaitSameState();
    EXPECT_LT(Storm::Clock::now() - healed, kSameStateWithin) << "all hold the same too late";
    for (const std::string& endpoint : cluster_->endpoints()) writes.ExpectAllAt(endpoint);
    std::cout << "storm " << number << ": " << writes.count() << " large writes, " << writes.reads()
              << " reads, " << storm_->ImagesInstalled()
              << " images installed so far, all the same "
              << std::chrono::duration<double>(Storm::Clock::now() - healed).count()
              << " s after all was healed" << std::endl;
  }

  // Many: each may wait for a server that it cannot hear.
  static constexpr int kWriters = 6;

  TemporaryDirectory directory_;
  std::vector<std::unique_ptr<SmallDisk>> disks_;
  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Storm> storm_;

 private:
  inline static Network* network_ = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Servers, ManyFaults,
                         testing::ValuesIn(LongDose() ? std::vector{3, 5} : std::vector{3}),
                         testing::PrintToStringParamName());

TEST_P(ManyFaults, AtOnceLoseNothingAndEndNoServer) {
  const Dose dose = TheDose();
  for (int storm = 0; storm < dose.storms && !HasFailure(); ++storm) {
    // The last quarter of the time goes by with servers that raise the level.
    if (4 * storm >= 3 * dose.storms) storm_->LetLevelRise();
    ASSERT_NO_FATAL_FAILURE(PassStorm(storm, dose));
  }
  if (!LongDose() || HasFailure()) return;
  EXPECT_GT(storm_->ImagesInstalled(), 0) << "no server was too far behind";
  storm_->LetLevelRise();
  storm_->FinishRolling();
  for (int i = 0; i < cluster_->size(); ++i) {
    AwaitTrue([&] { return cluster_->Status(i).level() == 2; },
              [&] { return cluster_->Status(i).ShortDebugString(); });
  }
}

}  // namespace
}  // namespace tripla
