// SPDX-License-Identifier: Apache-2.0
// kill -9 under load (R18): after each restart everything acknowledged is there with its version
// and its revision, nothing is invented, what was in flight is either there or not, and the hash of
// the state is that of what was executed. Images are written all the while (R16), and the log
// changes its segments.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <random>
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

constexpr int kWriters = 8;

int Rounds() { return LongDose() ? 2000 : 50; }

// After a restart: what each writer knows, and then the state as a whole. Returns that.
v1::StatusReply Check(TestServer& server, const std::vector<std::unique_ptr<Writer>>& writers,
                      Twin& twin) {
  for (const auto& writer : writers) {
    writer->Check(server.stub());
    writer->TellTo(twin);
  }
  twin.CatchUp();
  const v1::StatusReply status = StatusOf(server.channel());
  EXPECT_EQ(Twin::Text(status), twin.Text());
  return status;
}

TEST(Crash, NothingAcknowledgedIsLostAndNothingIsInvented) {
  const uint64_t seed = Seed();
  std::mt19937_64 random(seed);
  TemporaryDirectory directory;
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < kWriters; ++i) writers.push_back(std::make_unique<Writer>(i, seed));
  Twin twin;
  const std::string first_segment = directory.path() + "/log/00000000000000000001.wal";
  // A slow build needs more of them to write so much.
  const auto goes_on = [&](int round) {
    return round < Rounds() || (round < 4 * Rounds() && std::filesystem::exists(first_segment));
  };
  int round = 0;
  for (; goes_on(round); ++round) {
    TestServer server(directory.path(), {"--snapshot-interval", "50ms"});
    Check(server, writers, twin);
    if (testing::Test::HasFailure()) return;
    std::vector<std::thread> threads;
    for (auto& writer : writers) {
      threads.emplace_back([&] { writer->Run(server.stub()); });
    }
    // The moment of the crash is the random input of this test; nothing is awaited by it.
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 150));
    server.Kill();
    for (std::thread& thread : threads) thread.join();
    if (testing::Test::HasFatalFailure()) return;
  }
  TestServer server(directory.path(), {"--snapshot-interval", "0"});
  const v1::StatusReply status = Check(server, writers, twin);
  server.Kill();
  EXPECT_EQ(VerifiedStart(directory.path()), StartText(status));
  EXPECT_FALSE(std::filesystem::exists(first_segment))
      << "the log never changed segments, or its beginning was never released";
  int acknowledged = 0;
  int replayed = 0;
  for (const auto& writer : writers) {
    acknowledged += writer->acknowledged();
    replayed += writer->replayed();
  }
  std::cout << acknowledged << " writes over " << round << " crashes, of which " << replayed
            << " were durable but not answered when the server was killed\n";
  EXPECT_GT(acknowledged, 0);
}

TEST(Crash, KilledWhileStartingTwiceInARowLosesNothing) {
  TemporaryDirectory directory;
  v1::StatusReply before;
  {
    TestServer server(directory.path());
    for (int i = 0; i < 1000; ++i) Set(server.stub(), std::to_string(i), i, "data");
    before = StatusOf(server.channel());
    server.Kill();
  }
  std::mt19937_64 random(Seed());
  for (int i = 0; i < 20; ++i) {
    Process starting(TestServer::CommandLine(directory.path(), {"--snapshot-interval", "10ms"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
  }
  TestServer server(directory.path());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(Get(server.stub(), std::to_string(i)).reply.value().timestamp(), i);
  }
  EXPECT_EQ(Twin::Text(StatusOf(server.channel())), Twin::Text(before));
}

}  // namespace
}  // namespace tripla
