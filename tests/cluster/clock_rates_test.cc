// SPDX-License-Identifier: Apache-2.0
// Clocks that run at different rates (R11). A leader reads by a lease, and its followers keep a
// promise as long as their own clocks say (docs/decisions/0011-lease.md).
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/clock_rate.h"
#include "tests/harness/dose.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

// The leader's clock is the slowest: its lease lasts longest.
class ClockRates : public testing::Test {
 protected:
  static constexpr int kSlow = 0;

  void StartCluster(const std::vector<int>& gains_ppm) {
    std::vector<TestCluster::Place> places(gains_ppm.size());
    for (size_t i = 0; i < places.size(); ++i) {
      places[i].environment = ClockThatGains(gains_ppm[i], TRIPLA_CLOCK_RATE);
    }
    cluster_ = std::make_unique<TestCluster>(directory_.path(), std::vector<std::string>{}, places);
  }

  // Freezes the leader until another has written, and reads from it what it answers by its lease.
  // Returns whether that is what was there before.
  bool ReadsStale(int round) {
    const std::string key = std::to_string(round);
    cluster_->MakeLeader(kSlow);
    EXPECT_TRUE(Set(cluster_->stub(kSlow), key, 0, "before").status.ok());
    EXPECT_TRUE(Get(cluster_->stub(kSlow), key).status.ok());
    cluster_->Pause(kSlow);
    CallAnswer written;
    AwaitTrue(
        [&] {
          for (const int other : {1, 2}) {
            v1::TestAndSetRequest request;
            request.set_key(KeyBytes(key));
            request.set_version(1);
            request.mutable_value()->set_data("after");
            written = Send(cluster_->stub(other), &v1::KeyValue::Stub::TestAndSet, request,
                           std::chrono::milliseconds(100));
            if (written.status.ok()) return true;
          }
          return false;
        },
        [&] { return written.status.error_message(); });
    cluster_->Resume(kSlow);
    CallAnswer read;
    AwaitTrue([&] { return (read = Get(cluster_->stub(kSlow), key)).status.ok(); },
              [&] { return read.status.error_message(); });
    return read.reply.value().data() != "after";
  }

  TemporaryDirectory directory_;
  std::unique_ptr<TestCluster> cluster_;
};

TEST_F(ClockRates, R11_FivePercentApartNothingStaleIsRead) {
  StartCluster({-25'000, 25'000, 25'000});
  for (int round = 0; round < (LongDose() ? 100 : 3); ++round) {
    ASSERT_FALSE(ReadsStale(round)) << "round " << round;
  }
}

// What the test above would see if the lease allowed for less than clocks differ.
TEST_F(ClockRates, SoFarApartThatTheLeaseOutlastsThePromiseStaleReadsAreSeen) {
  StartCluster({-300'000, 300'000, 300'000});
  int round = 0;
  while (!ReadsStale(round)) ASSERT_LT(++round, 50) << "this test would not find a stale read";
}

}  // namespace
}  // namespace tripla
