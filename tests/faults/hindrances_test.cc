// SPDX-License-Identifier: Apache-2.0
// What slows a server down or confuses its clock, and has no effect on any answer (R11, R16, R18,
// R24): it is stopped for a while, its clock jumps, its disk is a hundred times slower. Clients
// write all the while and keep books; every call is answered and as it should be, also after a
// crash.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/twin.h"
#include "tests/faults/writer.h"
#include "tests/harness/dose.h"
#include "tests/harness/test_server.h"
#include "tests/harness/verify_run.h"

namespace tripla {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

class Hindrances : public testing::Test {
 protected:
  static constexpr int kWriters = 4;

  // Starts a server that has these variables in its environment.
  void Start(std::vector<std::string> environment, const std::string& snapshot_interval) {
    process_.emplace(TestServer::CommandLine(data_dir_, {"--snapshot-interval", snapshot_interval}),
                     std::move(environment));
    channel_ = Connect(process_->AwaitOutput("ready on "));
  }

  // Clients write while `hinder` happens to the server. Then it is killed, and a good start holds
  // what was acknowledged.
  void ExpectNoEffectOf(const std::function<void()>& hinder) {
    std::vector<std::unique_ptr<Writer>> writers;
    std::vector<std::thread> threads;
    std::atomic<bool> over = false;
    for (int i = 0; i < kWriters; ++i) {
      writers.push_back(std::make_unique<Writer>(i, Seed()));
      threads.emplace_back([this, &over, writer = writers.back().get()] {
        writer->RunUntil(over, *v1::KeyValue::NewStub(channel_));
      });
    }
    hinder();
    over = true;
    for (std::thread& thread : threads) thread.join();
    process_->Kill();
    TestServer again(data_dir_);
    Twin twin;
    int acknowledged = 0;
    for (const auto& writer : writers) {
      writer->Check(again.stub());
      writer->TellTo(twin);
      acknowledged += writer->acknowledged();
    }
    twin.CatchUp();
    const v1::StatusReply status = StatusOf(again.channel());
    EXPECT_EQ(Twin::Text(status), twin.Text());
    again.Kill();
    EXPECT_EQ(VerifiedStart(data_dir_), StartText(status));
    std::cout << acknowledged << " writes\n";
    EXPECT_GT(acknowledged, kWriters);
  }

  // Waits until an image of more than this record is in force.
  v1::StatusReply AwaitImageBeyond(uint64_t index) {
    const auto deadline = steady_clock::now() + std::chrono::minutes(1);
    v1::StatusReply status;
    do {
      status = StatusOf(channel_);
    } while (status.image_log_index() <= index && steady_clock::now() < deadline && !HasFailure());
    EXPECT_GT(status.image_log_index(), index) << "no more images are written";
    return status;
  }

  const TemporaryDirectory directory_;
  const std::string data_dir_ = directory_.path() + "/data";
  std::optional<Process> process_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(Hindrances, AStoppedServerGoesOnAsIfNothingHadBeen) {
  // Longer than a ping may be unanswered (5 s) it may cost connections: spec 5 wants that.
  const seconds stop{LongDose() ? 4 : 3};
  Start({}, "100ms");
  ExpectNoEffectOf([&] {
    const uint64_t image = AwaitImageBeyond(0).image_log_index();
    process_->Signal(SIGSTOP);
    // The stop is the input of this test; nothing is awaited by it.
    std::this_thread::sleep_for(stop);
    process_->Signal(SIGCONT);
    AwaitImageBeyond(image);
  });
}

TEST_F(Hindrances, AClockThatJumpsByAnHourChangesNoAnswerNoDeadlineAndNoPeriod) {
  constexpr char kLibrary[] = TRIPLA_FAKETIME;
  ASSERT_TRUE(std::filesystem::exists(kLibrary)) << "scripts/setup test installs it";
  const std::string clock = directory_.path() + "/clock";
  const auto set_clock = [&](const std::string& offset) {
    std::ofstream(clock + ".new") << offset << "\n";
    std::filesystem::rename(clock + ".new", clock);
  };
  set_clock("+0");
  Start({std::string("LD_PRELOAD=") + kLibrary, "FAKETIME_TIMESTAMP_FILE=" + clock,
         "FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"},
        "100ms");
  ExpectNoEffectOf([&] {
    v1::StatusReply before = AwaitImageBeyond(0);
    for (const int hours : {1, -1, 0}) {
      const auto start = steady_clock::now();
      set_clock((hours < 0 ? "" : "+") + std::to_string(hours) + "h");
      AwaitImageBeyond(before.image_log_index());
      // The image of the jump itself may have been dated before it.
      const v1::StatusReply after = AwaitImageBeyond(StatusOf(channel_).image_log_index());
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      const auto dated = std::chrono::milliseconds(after.image_unix_ms());
      EXPECT_LT(std::chrono::abs(now + std::chrono::hours(hours) - dated), std::chrono::minutes(10))
          << "the server's clock did not jump, so this test shows nothing";
      EXPECT_LT(steady_clock::now() - start, seconds(30)) << "the period of images follows it";
      before = after;
    }
  });
}

TEST_F(Hindrances, ADiskAHundredTimesSlowerIsOnlySlower) {
  Start({std::string("LD_PRELOAD=") + TRIPLA_BAD_DISK, "BAD_DISK=slow@100"}, "1s");
  ExpectNoEffectOf([&] {
    const auto over = steady_clock::now() + seconds(LongDose() ? 60 : 3);
    uint64_t image = 0;
    do {
      image = AwaitImageBeyond(image).image_log_index();
    } while (steady_clock::now() < over && !HasFailure());
  });
}

}  // namespace
}  // namespace tripla
