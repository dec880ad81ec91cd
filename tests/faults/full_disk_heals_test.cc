// SPDX-License-Identifier: Apache-2.0
// A disk that the server has filled by itself: writes that make the map larger are refused in time,
// removals are not, and once entries were removed writes are taken again, without a restart and
// without help from outside (S14). So it is on disks from 40 MB on, with small values and large.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/process.h"
#include "tests/harness/small_disk.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

struct Load {
  uint64_t disk_bytes = 0;
  size_t value_bytes = 0;
};

// One client that fills a server call by call, each with as many operations as make up some data.
class Filler {
 public:
  Filler(TestServer& server, size_t value_bytes)
      : server_(server),
        value_(value_bytes, 'v'),
        per_call_(static_cast<int>(std::clamp<size_t>(256 * 1024 / value_bytes, 1, 1000))) {}

  // Sets keys until a call is refused; returns the refusal.
  BatchAnswer SetUntilRefused() {
    while (true) {
      BatchAnswer answer = SetSome();
      if (!answer.status.ok()) return answer;
    }
  }

  BatchAnswer SetSome() {
    v1::BatchRequest request;
    for (int i = 0; i < per_call_; ++i) {
      v1::SetRequest& set = *request.add_operations()->mutable_set();
      set.set_key(KeyBytes(std::to_string(next_ + i)));
      set.set_data(value_);
    }
    BatchAnswer answer = SendBatch(server_.stub(), request);
    if (answer.status.ok()) next_ += per_call_;
    return answer;
  }

  // Removes the older half of the keys, which must be possible.
  void RemoveHalf() {
    for (const int end = first_ + std::max(1, (next_ - first_) / 2); first_ < end;) {
      v1::BatchRequest request;
      const int last = std::min(first_ + 1000, end);
      for (int key = first_; key < last; ++key) {
        request.add_operations()->mutable_del()->set_key(KeyBytes(std::to_string(key)));
      }
      const BatchAnswer answer = SendBatch(server_.stub(), request);
      ASSERT_TRUE(answer.status.ok()) << "a removal was refused: " << answer.status.error_message();
      first_ = last;
    }
  }

  // Tries one call until it is taken.
  void AwaitWritable() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    BatchAnswer answer;
    do {
      answer = SetSome();
    } while (!answer.status.ok() && std::chrono::steady_clock::now() < deadline);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  }

  void ExpectAllThere(TestServer& server) const {
    const v1::StatusReply status = StatusOf(server.channel());
    EXPECT_EQ(status.keys(), static_cast<uint64_t>(next_ - first_));
    for (const int key : {first_, (first_ + next_) / 2, next_ - 1}) {
      if (first_ == next_) continue;
      EXPECT_EQ(Get(server.stub(), std::to_string(key)).reply.value().data(), value_) << key;
    }
    EXPECT_EQ(Get(server.stub(), std::to_string(next_)).reply.result(), v1::ERROR)
        << "a refused write happened all the same";
  }

  // Removes every key, each by a command line of its own.
  void RemoveAllByProgram() {
    for (; first_ < next_; ++first_) {
      Process tripla({ProgramPath("tripla"), "--endpoints", server_.endpoint(), "del",
                      std::to_string(first_)});
      ASSERT_EQ(tripla.Wait(), 0) << tripla.output().substr(0, 1000);
    }
  }

  [[nodiscard]] uint64_t held_bytes() const { return (next_ - first_) * value_.size(); }

 private:
  TestServer& server_;
  const std::string value_;
  const int per_call_;
  int first_ = 1;
  int next_ = 1;  // keys from first_ to next_ - 1 are there
};

void ExpectRefusal(const BatchAnswer& refused) {
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << refused.status.error_message();
  EXPECT_EQ(refused.applied(), v1::Undecided::NO);
}

class FullDiskHeals : public testing::TestWithParam<Load> {};

std::string NameOf(const testing::TestParamInfo<Load>& info) {
  return std::to_string(info.param.disk_bytes / kMiB) + "MiB_" +
         std::to_string(info.param.value_bytes) + "B";
}

// Those that a sanitizer sees too, and the rest.
const std::vector<Load> kFew = {{40 * kMiB, 100}, {40 * kMiB, 16 * kMiB}, {64 * kMiB, 1000}};
const std::vector<Load> kMany = {{40 * kMiB, 10'000}, {40 * kMiB, kMiB},  {64 * kMiB, 5 * kMiB},
                                 {150 * kMiB, 1000},  {150 * kMiB, kMiB}, {150 * kMiB, 16 * kMiB}};

INSTANTIATE_TEST_SUITE_P(S14, FullDiskHeals, testing::ValuesIn(kFew), NameOf);
INSTANTIATE_TEST_SUITE_P(S14More, FullDiskHeals,
                         testing::ValuesIn(kSanitized ? std::vector<Load>() : kMany), NameOf);

TEST_P(FullDiskHeals, FromWhatTheServerItselfHasFilledOnceEntriesAreRemoved) {
  const SmallDisk disk(GetParam().disk_bytes);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  const std::string data_dir = disk.path() + "/data";
  TestServer server(data_dir);
  Filler filler(server, GetParam().value_bytes);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    ExpectRefusal(filler.SetUntilRefused());
    filler.ExpectAllThere(server);
    if (round == 0) {
      std::cout << "full with " << filler.held_bytes() / kMiB << " MiB of data\n";
      EXPECT_GE(filler.held_bytes(), std::min<uint64_t>(GetParam().disk_bytes / 5, 16 * kMiB))
          << "the disk is not made use of";
    }
    ASSERT_NO_FATAL_FAILURE(filler.RemoveHalf());
    ASSERT_NO_FATAL_FAILURE(filler.AwaitWritable());
  }
  ExpectRefusal(filler.SetUntilRefused());
  server.Kill();
  // A start on the full disk needs no room.
  TestServer again(data_dir);
  filler.ExpectAllThere(again);
}

// Each command line is a client of its own, which never says that it has the answer: what was
// removed must not stay in the memory of answers, and in every image, for ever.
TEST(FullDisk, S14_HealsWhenItIsEmptiedByCommandLinesOfOneDelEach) {
  const SmallDisk disk(40 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  TestServer server(disk.path() + "/data");
  Filler filler(server, kMiB);
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    ExpectRefusal(filler.SetUntilRefused());
    ASSERT_NO_FATAL_FAILURE(filler.RemoveAllByProgram());
    EXPECT_EQ(StatusOf(server.channel()).keys(), 0u);
    ASSERT_NO_FATAL_FAILURE(filler.AwaitWritable());
    filler.ExpectAllThere(server);
  }
}

TEST(FullDisk, S20_AStatusTellsThatSmallWritesOnlyAreTaken) {
  const SmallDisk disk(40 * kMiB);
  ASSERT_TRUE(disk.mounted()) << disk.why_not();
  TestServer server(disk.path() + "/data", {"--data-bytes-max", "5MiB"});
  const auto exit_code = [&] {
    return Process({ProgramPath("tripla"), "--endpoints", server.endpoint(), "status"}).Wait();
  };
  EXPECT_EQ(exit_code(), 0);
  EXPECT_GE(StatusOf(server.channel()).write_bytes_max(), 5 * kMiB);
  disk.Fill(10 * kMiB);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (exit_code() == 0 && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(exit_code(), 9);
  const v1::StatusReply status = StatusOf(server.channel());
  EXPECT_TRUE(status.writable());
  EXPECT_FALSE(
      Set(server.stub(), "1", 0, std::string(status.write_bytes_max() + 1, 'v')).status.ok());
  EXPECT_TRUE(
      Set(server.stub(), "1", 0, std::string(status.write_bytes_max() - 1000, 'v')).status.ok());
  disk.Drain();
}

// The log on one disk, the images on another: each is looked at where it is.
class TwoDisks : public testing::Test {
 protected:
  // DIR/log or DIR/image is a link to the small disk.
  void Begin(const std::string& part) {
    ASSERT_TRUE(disk_.mounted()) << disk_.why_not();
    TestServer(data_dir()).Stop();
    std::filesystem::copy(data_dir() + "/" + part, disk_.path() + "/" + part);
    std::filesystem::remove_all(data_dir() + "/" + part);
    std::filesystem::create_symlink(disk_.path() + "/" + part, data_dir() + "/" + part);
    part_ = data_dir() + "/" + part;
  }

  void ExpectRefusedAndHealed() {
    TestServer server(data_dir());
    Filler filler(server, 100'000);
    const BatchAnswer refused = filler.SetUntilRefused();
    ExpectRefusal(refused);
    const std::string why = refused.status.error_message();
    EXPECT_NE(why.find(part_ + " has "), std::string::npos) << why;
    server.process().AwaitOutput(part_ + " has ");
    ASSERT_NO_FATAL_FAILURE(filler.RemoveHalf());
    ASSERT_NO_FATAL_FAILURE(filler.AwaitWritable());
    filler.ExpectAllThere(server);
  }

  std::string data_dir() const { return directory_.path() + "/data"; }

  const SmallDisk disk_{40 * kMiB};
  const TemporaryDirectory directory_;
  std::string part_;
};

TEST_F(TwoDisks, S14_AStatusSaysWhatIsFreeWhereTheLogIs) {
  ASSERT_NO_FATAL_FAILURE(Begin("log"));
  TestServer server(data_dir());
  ASSERT_TRUE(Set(server.stub(), "1", 0, "x").status.ok());
  EXPECT_LE(StatusOf(server.channel()).disk_free_bytes(), 40 * kMiB);
  EXPECT_TRUE(StatusOf(server.channel()).writable());
  disk_.Fill(0);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (StatusOf(server.channel()).writable() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  const v1::StatusReply status = StatusOf(server.channel());
  EXPECT_FALSE(status.writable());
  EXPECT_EQ(status.disk_free_bytes(), 0u);
  ExpectRefusal(Filler(server, 1000).SetUntilRefused());
  disk_.Drain();
  ASSERT_NO_FATAL_FAILURE(Filler(server, 1000).AwaitWritable());
}

TEST_F(TwoDisks, S14_OneThatIsTooSmallForTheNextImageIsNamed) {
  ASSERT_NO_FATAL_FAILURE(Begin("image"));
  ExpectRefusedAndHealed();
}

}  // namespace
}  // namespace tripla
