// SPDX-License-Identifier: Apache-2.0
// kill -9 under load (R18): after each restart everything acknowledged is there, nothing is
// invented, and what was in flight is either there or not. Images are written all the while (R16).
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/writer.h"
#include "tests/harness/dose.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

constexpr int kWriters = 8;

int Rounds() { return LongDose() ? 2000 : 50; }

TEST(Crash, NothingAcknowledgedIsLostAndNothingIsInvented) {
  const uint64_t seed = Seed();
  std::mt19937_64 random(seed);
  TemporaryDirectory directory;
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < kWriters; ++i) writers.push_back(std::make_unique<Writer>(i, seed));
  for (int round = 0; round < Rounds(); ++round) {
    TestServer server(directory.path(), {"--snapshot-interval", "50ms"});
    for (auto& writer : writers) writer->Check(server.stub());
    if (testing::Test::HasFatalFailure()) return;
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
  int acknowledged = 0;
  int replayed = 0;
  for (const auto& writer : writers) {
    acknowledged += writer->acknowledged();
    replayed += writer->replayed();
  }
  std::cout << acknowledged << " writes over " << Rounds() << " crashes, of which " << replayed
            << " were durable but not answered when the server was killed\n";
  EXPECT_GT(acknowledged, 0);
}

TEST(Crash, KilledWhileStartingTwiceInARowLosesNothing) {
  TemporaryDirectory directory;
  {
    TestServer server(directory.path());
    for (int i = 0; i < 1000; ++i) Set(server.stub(), std::to_string(i), i, "data");
    server.Kill();
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 20; ++i) {
    Process starting(TestServer::CommandLine(directory.path(), {"--snapshot-interval", "10ms"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 30));
  }
  TestServer server(directory.path());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(Get(server.stub(), std::to_string(i)).reply.value().timestamp(), i);
  }
}

}  // namespace
}  // namespace tripla
