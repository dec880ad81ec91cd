// SPDX-License-Identifier: Apache-2.0
// A disk that fills up while the server runs, or is full when it starts (design 6): writes are
// refused and surely not applied, reads go on, and writes resume by themselves.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>

#include "tests/harness/small_disk.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr size_t kDataBytes = kMiB / 2;

// The data of the key, of which no two are alike.
std::string DataOf(int key) { return std::to_string(key) + std::string(kDataBytes, 'x'); }

// Sets keys from `next` on until a write is refused, and returns the refusal.
CallAnswer SetUntilRefused(TestServer& server, int& next) {
  constexpr int kFarBeyondTheDisk = 10'000;
  while (next < kFarBeyondTheDisk) {
    CallAnswer answer = Set(server.stub(), std::to_string(next), 0, DataOf(next));
    if (!answer.status.ok()) return answer;
    ++next;
  }
  ADD_FAILURE() << "the disk never filled up";
  return {};
}

// Tries one write until it is taken.
void AwaitWritable(TestServer& server, int key) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  CallAnswer answer;
  do {
    answer = Set(server.stub(), std::to_string(key), 0, DataOf(key));
  } while (!answer.status.ok() && std::chrono::steady_clock::now() < deadline);
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
}

void ExpectAllThere(TestServer& server, int keys) {
  for (int key = 1; key < keys; ++key) {
    ASSERT_EQ(Get(server.stub(), std::to_string(key)).reply.value().data(), DataOf(key)) << key;
  }
  EXPECT_EQ(Get(server.stub(), std::to_string(keys)).reply.result(), v1::ERROR)
      << "a refused write happened all the same";
}

void ExpectRefusal(const CallAnswer& refused) {
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << refused.status.error_message();
  EXPECT_EQ(refused.applied(), v1::Undecided::NO);
}

class DiskFull : public testing::TestWithParam<const char*> {};

// With a reserve the refusal is foreseen; without one the disk says it at the next segment.
INSTANTIATE_TEST_SUITE_P(Reserves, DiskFull, testing::Values("8MiB", "0"),
                         [](const auto& info) { return "reserve_" + std::string(info.param); });

TEST_P(DiskFull, WritesAreRefusedReadsGoOnAndWritesResume) {
  const SmallDisk disk(96 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  const std::string data_dir = disk.path() + "/data";
  int next = 1;
  {
    TestServer server(data_dir, {"--disk-reserve", GetParam(), "--snapshot-interval", "0"});
    disk.Fill(4 * kMiB);
    ExpectRefusal(SetUntilRefused(server, next));
    ExpectAllThere(server, next);
    disk.Drain();
    AwaitWritable(server, next++);
    ExpectAllThere(server, next);
    server.Kill();
  }
  TestServer server(data_dir);
  ExpectAllThere(server, next);
}

TEST_P(DiskFull, AServerThatStartsOnItIsReadyRefusesWritesAndTakesThemAgain) {
  const SmallDisk disk(96 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  const std::string data_dir = disk.path() + "/data";
  int next = 1;
  {
    TestServer server(data_dir, {"--disk-reserve", GetParam(), "--snapshot-interval", "0"});
    for (; next <= 20; ++next) Set(server.stub(), std::to_string(next), 0, DataOf(next));
    server.Kill();
  }
  disk.Fill(0);
  {
    TestServer server(data_dir, {"--disk-reserve", GetParam(), "--snapshot-interval", "50ms"});
    ExpectAllThere(server, next);
    ExpectRefusal(SetUntilRefused(server, next));
    ExpectAllThere(server, next);
    disk.Drain();
    AwaitWritable(server, next++);
    ExpectAllThere(server, next);
    server.Kill();
  }
  TestServer server(data_dir);
  ExpectAllThere(server, next);
}

TEST_P(DiskFull, AnImageThatDoesNotFitHarmsNothing) {
  const SmallDisk disk(96 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  const std::string data_dir = disk.path() + "/data";
  int next = 1;
  {
    TestServer server(data_dir, {"--disk-reserve", GetParam(), "--snapshot-interval", "0"});
    for (; next <= 20; ++next) Set(server.stub(), std::to_string(next), 0, DataOf(next));
    disk.Fill(2 * kMiB);
    grpc::ClientContext context;
    v1::SnapshotReply reply;
    const grpc::Status status = server.admin().Snapshot(&context, {}, &reply);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << status.error_message();
    EXPECT_NE(status.error_message().find("No space left"), std::string::npos)
        << status.error_message();
    ExpectAllThere(server, next);
    disk.Drain();
    grpc::ClientContext again;
    EXPECT_TRUE(server.admin().Snapshot(&again, {}, &reply).ok());
    AwaitWritable(server, next++);
    server.Kill();
  }
  TestServer server(data_dir);
  ExpectAllThere(server, next);
}

// A first start may be cut off before the lock file has a holder's number, and so a block.
TEST(DiskFullAtStart, AServerThatHasNoRoomForItsNumberInTheLockStarts) {
  const SmallDisk disk(96 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  const std::string data_dir = disk.path() + "/data";
  {
    TestServer server(data_dir);
    ASSERT_TRUE(Set(server.stub(), "1", 0, DataOf(1)).status.ok());
    server.Stop();
  }
  std::ofstream(data_dir + "/lock") << "";
  disk.Fill(0);
  TestServer server(data_dir);
  ExpectRefusal(Set(server.stub(), "2", 0, DataOf(2)));
  ExpectAllThere(server, 2);
}

TEST(DiskFullAtStop, ALastImageThatCannotBeWrittenIsAFailureOfTheProgram) {
  const SmallDisk disk(96 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  TestServer server(disk.path() + "/data",
                    {"--log", "off", "--disk-reserve", "0", "--snapshot-interval", "0"});
  ASSERT_TRUE(Set(server.stub(), "1", 0, DataOf(1)).status.ok());
  disk.Fill(0);
  server.process().Signal(SIGTERM);
  EXPECT_EQ(server.process().Wait(), 1) << server.process().output();
  EXPECT_NE(server.process().output().find("all writes after the last image are lost"),
            std::string::npos)
      << server.process().output();
}

TEST(DiskFullAtFirst, ADirectoryThatCannotBeMadeOnItIsSaid) {
  const SmallDisk disk(96 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  disk.Fill(0);
  const std::string data_dir = disk.path() + "/data";
  Process process(TestServer::CommandLine(data_dir, {}));
  EXPECT_EQ(process.Wait(), 1);
  EXPECT_NE(process.output().find("No space left on device"), std::string::npos)
      << process.output();
  EXPECT_NE(process.output().find(data_dir), std::string::npos) << process.output();
  disk.Drain();
  TestServer server(data_dir);
  int next = 1;
  AwaitWritable(server, next++);
  ExpectAllThere(server, next);
}

TEST(DiskReadOnly, AServerOnAReadOnlyDirectoryDoesNotStart) {
  const SmallDisk disk(96 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  const std::string data_dir = disk.path() + "/data";
  TestServer(data_dir).Stop();
  disk.MakeReadOnly();
  Process process(TestServer::CommandLine(data_dir, {}));
  EXPECT_EQ(process.Wait(), 1);
  EXPECT_NE(process.output().find(data_dir), std::string::npos) << process.output();
  EXPECT_NE(process.output().find("Read-only file system"), std::string::npos) << process.output();
}

}  // namespace
}  // namespace tripla
