// SPDX-License-Identifier: Apache-2.0
// Something is used up that a new segment of the log needs, descriptors or memory or space: nothing
// was written, so writes are refused, reads go on, and writes are taken again by themselves (S3).
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "tests/harness/test_server.h"

namespace tripla {
namespace {

constexpr size_t kDataBytes = size_t{3} << 20;

std::string DataOf(int key) { return std::to_string(key) + std::string(kDataBytes, 'x'); }

int CountOf(const std::string& text, const std::string& word) {
  int count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

void Await(const std::function<bool()>& condition, const std::string& what) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

// What a server does while something is used up, and after it.
void ExpectRefusedAndHealed(Process& process, const std::shared_ptr<grpc::Channel>& channel,
                            const std::function<void()>& use_up, const std::function<void()>& heal,
                            const std::string& error, const std::string& advice) {
  const auto stub = v1::KeyValue::NewStub(channel);
  const auto admin = v1::Admin::NewStub(channel);
  int next = 1;
  for (; next <= 3; ++next) {
    ASSERT_TRUE(Set(*stub, std::to_string(next), 0, DataOf(next)).status.ok());
  }
  use_up();
  CallAnswer answer;
  for (; next < 100; ++next) {
    answer = Set(*stub, std::to_string(next), 0, DataOf(next));
    if (!answer.status.ok()) break;
  }
  EXPECT_EQ(answer.status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED)
      << answer.status.error_message();
  EXPECT_EQ(answer.applied(), v1::Undecided::NO);
  EXPECT_NE(answer.status.error_message().find(error), std::string::npos)
      << answer.status.error_message();
  EXPECT_NE(answer.status.error_message().find(advice), std::string::npos)
      << answer.status.error_message();
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(Set(*stub, std::to_string(next), 0, DataOf(next)).status.ok());
  }
  const v1::StatusReply status = StatusOf(channel);
  EXPECT_FALSE(status.writable());
  EXPECT_NE(status.write_refusal().find(advice), std::string::npos) << status.write_refusal();
  EXPECT_EQ(Get(*stub, "1").reply.value().data(), DataOf(1));
  EXPECT_EQ(CountOf(process.output(), "writes are refused until it can"), 1) << process.output();
  grpc::ClientContext context;
  v1::SnapshotReply reply;
  const grpc::Status image = admin->Snapshot(&context, {}, &reply);
  EXPECT_EQ(image.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED) << image.error_message();
  EXPECT_NE(image.error_message().find(error), std::string::npos) << image.error_message();

  heal();
  Await([&] { return StatusOf(channel).writable(); }, "it is known without a write");
  for (const int last = next + 8; next < last; ++next) {
    answer = Set(*stub, std::to_string(next), 0, DataOf(next));
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
  }
  grpc::ClientContext again;
  EXPECT_TRUE(admin->Snapshot(&again, {}, &reply).ok());
  for (int key = 1; key < next; ++key) {
    ASSERT_EQ(Get(*stub, std::to_string(key)).reply.value().data(), DataOf(key)) << key;
  }
}

void ExpectAllThere(const std::string& data_dir, uint64_t keys) {
  TestServer server(data_dir, {"--snapshot-interval", "0"});
  EXPECT_EQ(StatusOf(server.channel()).keys(), keys);
}

TEST(NextSegment, S3_UsedUpDescriptorsRefuseWritesUntilThereAreSome) {
  const TemporaryDirectory directory;
  uint64_t keys = 0;
  {
    TestServer server(directory.path(), {"--snapshot-interval", "0"});
    rlimit before{};
    const auto limit = [&](const rlimit& to) {
      ASSERT_EQ(prlimit(server.process().pid(), RLIMIT_NOFILE, &to, nullptr), 0);
    };
    ASSERT_EQ(prlimit(server.process().pid(), RLIMIT_NOFILE, nullptr, &before), 0);
    ExpectRefusedAndHealed(
        server.process(), server.channel(),
        [&] { limit({.rlim_cur = 3, .rlim_max = before.rlim_max}); }, [&] { limit(before); },
        std::strerror(EMFILE), "raise its limit, ulimit -n");
    keys = StatusOf(server.channel()).keys();
    server.Kill();
  }
  ExpectAllThere(directory.path(), keys);
}

struct UsedUp {
  const char* name = "";
  int error = 0;
  const char* advice = "";
};

class NextSegmentErrors : public testing::TestWithParam<UsedUp> {};

INSTANTIATE_TEST_SUITE_P(Errors, NextSegmentErrors,
                         testing::Values(UsedUp{"EMFILE", EMFILE, "raise its limit, ulimit -n"},
                                         UsedUp{"ENFILE", ENFILE, "raise fs.file-max"},
                                         UsedUp{"ENOMEM", ENOMEM, "free memory"},
                                         UsedUp{"EFBIG", EFBIG, "ulimit -f"},
                                         UsedUp{"ENOSPC", ENOSPC, "free space on that disk"},
                                         UsedUp{"EDQUOT", EDQUOT, "raise that quota"}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(NextSegmentErrors, S3_RefuseWritesAsLongAsTheyLast) {
  const TemporaryDirectory directory;
  const std::string flag = directory.path() + "/used-up";
  const std::string data_dir = directory.path() + "/data";
  uint64_t keys = 0;
  {
    Process process(TestServer::CommandLine(data_dir, {"--snapshot-interval", "0"}),
                    {std::string("LD_PRELOAD=") + TRIPLA_BAD_DISK,
                     std::string("BAD_DISK=") + GetParam().name + "@" + flag});
    const auto channel = Connect(process.AwaitOutput("ready on "));
    ExpectRefusedAndHealed(
        process, channel, [&] { std::ofstream(flag) << "now"; },
        [&] { std::filesystem::remove(flag); }, std::strerror(GetParam().error), GetParam().advice);
    keys = StatusOf(channel).keys();
    process.Kill();
  }
  ExpectAllThere(data_dir, keys);
}

}  // namespace
}  // namespace tripla
