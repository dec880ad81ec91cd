// SPDX-License-Identifier: Apache-2.0
// Bytes of a value change in the memory of a real server, as a bad memory module changes them (C6):
// its next image must not spread them.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>

#include "model/little_endian.h"
#include "tests/harness/test_cluster.h"
#include "tests/harness/test_server.h"
#include "tripla/key.h"

namespace tripla {
namespace {

using testing::HasSubstr;

const std::string kKey = "12345678901234567890";
const std::string kRight = "what a client has written, and what nobody else writes";
const std::string kWrong = "what a Client has written, and what nobody else writes";

// The memory of an entry: how long key and data are, how many share it, and both (model/entry.h).
// Copies elsewhere, in what was sent or logged, do not begin so.
constexpr size_t kCountBytes = 4;

// Changes one bit of the value in the map of a server. Returns how many entries were changed.
int DamageValue(pid_t server) {
  const std::string path = "/proc/" + std::to_string(server);
  const int memory = open((path + "/mem").c_str(), O_RDWR | O_CLOEXEC);
  EXPECT_GE(memory, 0) << "a process may write to the memory of one that it has started";
  const std::string key(Key::Parse(kKey)->ordered_bytes());
  std::string lengths;
  AppendLittleEndian(lengths, static_cast<uint32_t>(key.size()));
  AppendLittleEndian(lengths, static_cast<uint32_t>(kRight.size()));
  int damaged = 0;
  std::ifstream maps(path + "/maps");
  for (std::string line; std::getline(maps, line);) {
    uint64_t begin = 0;
    uint64_t end = 0;
    char dash = 0;
    std::string rights;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> rights;
    if (rights != "rw-p") continue;
    std::string bytes(end - begin, '\0');
    const ssize_t read = pread(memory, bytes.data(), bytes.size(), static_cast<off_t>(begin));
    bytes.resize(read < 0 ? 0 : read);
    for (size_t at = bytes.find(key + kRight); at != std::string::npos;
         at = bytes.find(key + kRight, at + 1)) {
      const size_t before = kCountBytes + lengths.size();
      if (at < before || bytes.compare(at - before, lengths.size(), lengths) != 0) continue;
      const auto place = static_cast<off_t>(begin + at + key.size());
      EXPECT_EQ(pwrite(memory, kWrong.data(), kWrong.size(), place), kWrong.size());
      ++damaged;
    }
  }
  close(memory);
  return damaged;
}

std::set<std::string> Images(const std::string& data_dir) {
  std::set<std::string> images;
  for (const auto& file : std::filesystem::directory_iterator(data_dir + "/image")) {
    if (file.path().extension() == ".image") images.insert(file.path());
  }
  return images;
}

void ExpectEndsAsDamaged(Process& server) {
  server.AwaitOutput("the memory of this server was damaged");
  if (testing::Test::HasFailure()) server.Kill();  // it would not end
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_THAT(server.output(), HasSubstr("the images and the log on the disk are good"));
}

grpc::Status AskForImage(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::SnapshotReply reply;
  return v1::Admin::NewStub(channel)->Snapshot(&context, {}, &reply);
}

TEST(DamagedMemory, C6_TheNextImageEndsTheServerAndAStartServesWhatIsRight) {
  const TemporaryDirectory directory;
  {
    TestServer server(directory.path(), {"--snapshot-interval", "0"});
    ASSERT_TRUE(Set(server.stub(), kKey, 0, kRight).status.ok());
    ASSERT_TRUE(AskForImage(server.channel()).ok());
    const std::set<std::string> images = Images(directory.path());
    ASSERT_EQ(DamageValue(server.process().pid()), 1);
    EXPECT_EQ(Get(server.stub(), kKey).reply.value().data(), kWrong) << "nothing was damaged";
    ASSERT_TRUE(Set(server.stub(), "7", 0, "seven").status.ok());
    EXPECT_FALSE(AskForImage(server.channel()).ok());
    ExpectEndsAsDamaged(server.process());
    EXPECT_EQ(Images(directory.path()), images);
  }
  TestServer server(directory.path(), {"--snapshot-interval", "0"});
  EXPECT_EQ(Get(server.stub(), kKey).reply.value().data(), kRight);
  EXPECT_EQ(Get(server.stub(), "7").reply.value().data(), "seven");
  EXPECT_TRUE(AskForImage(server.channel()).ok());
  server.Stop();
}

TEST(DamagedMemory, C6_TheScrubFindsItThoughNobodyWrites) {
  const TemporaryDirectory directory;
  {
    TestServer server(directory.path(), {"--scrub-interval", "1s"});
    ASSERT_TRUE(Set(server.stub(), kKey, 0, kRight).status.ok());
    ASSERT_TRUE(AskForImage(server.channel()).ok());
    ASSERT_EQ(DamageValue(server.process().pid()), 1);
    ExpectEndsAsDamaged(server.process());
  }
  TestServer server(directory.path());
  EXPECT_EQ(Get(server.stub(), kKey).reply.value().data(), kRight);
  server.Stop();
}

#if TRIPLA_RATIS
TEST(DamagedMemory, C6_ALeaderEndsInsteadOfSpreadingIt) {
  const TemporaryDirectory directory;
  TestCluster cluster(directory.path(), {"--snapshot-interval", "0"});
  const int leader = cluster.AwaitLeader();
  ASSERT_TRUE(Set(cluster.stub(leader), kKey, 0, kRight).status.ok());
  cluster.Snapshot(leader);
  const std::set<std::string> images = Images(cluster.data_dir(leader));
  ASSERT_EQ(DamageValue(cluster.process(leader).pid()), 1);
  EXPECT_EQ(Get(cluster.stub(leader), kKey).reply.value().data(), kWrong) << "nothing was damaged";
  ASSERT_TRUE(Set(cluster.stub(leader), "7", 0, "seven").status.ok());
  EXPECT_FALSE(AskForImage(cluster.channel(leader)).ok());
  ExpectEndsAsDamaged(cluster.process(leader));
  EXPECT_EQ(Images(cluster.data_dir(leader)), images);
  cluster.Kill(leader);
  cluster.Start(leader);
  cluster.AwaitReady(leader);
  cluster.AwaitSameState();
  EXPECT_EQ(Get(cluster.stub(leader), kKey).reply.value().data(), kRight);
}
#endif

}  // namespace
}  // namespace tripla
