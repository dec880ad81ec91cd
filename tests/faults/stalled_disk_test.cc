// SPDX-License-Identifier: Apache-2.0
// A server whose disk takes no sync for a while (R12, R14, R18): reads go on, nothing is seen
// before it is durable, a full queue refuses at once, and what nobody waits for any more is not
// executed.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/gate.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using Stub = v1::KeyValue::Stub;

class StalledDisk : public testing::Test {
 protected:
  StalledDisk() {
    const std::string endpoint = process_.AwaitOutput("ready on ");
    channel_ = Connect(endpoint);
    stub_ = v1::KeyValue::NewStub(channel_);
  }

  // Holds up the disk, and a write of this key in it.
  std::future<CallAnswer> StallWithWriteOf(const std::string& key) {
    gate_.Close();
    auto answer = SetLater(key, std::chrono::seconds(60));
    process_.AwaitOutput("bad disk: a sync waits");
    return answer;
  }

  std::future<CallAnswer> SetLater(const std::string& key, milliseconds timeout) {
    v1::SetRequest request;
    request.set_key(KeyBytes(key));
    return std::async(std::launch::async, [this, request, timeout] {
      return Send(*stub_, &Stub::Set, request, timeout);
    });
  }

  const TemporaryDirectory directory_;
  const Gate gate_{directory_.path() + "/gate"};
  Process process_{
      TestServer::CommandLine(directory_.path() + "/data", {"--snapshot-interval", "0"}),
      gate_.environment(TRIPLA_BAD_DISK)};
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<Stub> stub_;
};

TEST_F(StalledDisk, ReadsGoOnAndSeeNothingThatIsNotDurable) {
  Set(*stub_, "1", 0, "a");
  auto waiting = StallWithWriteOf("2");
  EXPECT_EQ(Get(*stub_, "1").reply.result(), v1::SUCCESS);
  EXPECT_EQ(Get(*stub_, "2").reply.result(), v1::ERROR) << "seen before it was durable";
  v1::StatusReply status;
  grpc::ClientContext context;
  ASSERT_TRUE(v1::Admin::NewStub(channel_)->Status(&context, {}, &status).ok());
  EXPECT_EQ(status.revision(), 1u);
  EXPECT_EQ(waiting.wait_for(milliseconds(0)), std::future_status::timeout) << "answered too early";
  gate_.Open();
  EXPECT_EQ(waiting.get().reply.result(), v1::SUCCESS);
  EXPECT_EQ(Get(*stub_, "2").reply.result(), v1::SUCCESS);
}

TEST_F(StalledDisk, AWriteWhoseDeadlinePassesInTheQueueIsNotExecuted) {
  auto before = StallWithWriteOf("1");
  auto late = SetLater("2", milliseconds(200));
  // The server's clock for the first began to run before this one's was half over.
  auto later = SetLater("3", milliseconds(600));
  EXPECT_EQ(late.get().status.error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_EQ(later.get().status.error_code(), grpc::DEADLINE_EXCEEDED);
  gate_.Open();
  EXPECT_EQ(before.get().reply.result(), v1::SUCCESS);
  EXPECT_EQ(Set(*stub_, "4", 0, "behind them").reply.result(), v1::SUCCESS);
  EXPECT_EQ(Get(*stub_, "2").reply.result(), v1::ERROR);
}

struct BatchEnd {
  grpc::Status status;
  std::optional<v1::Undecided::Applied> applied;
  bool advised = false;  // when to come back
};

// Sets 10,000 keys from `first` on, in one call.
BatchEnd SetTenThousand(const std::shared_ptr<grpc::Channel>& channel, int first) {
  v1::BatchRequest request;
  for (int i = 0; i < 10'000; ++i) {
    request.add_operations()->mutable_set()->set_key(KeyBytes(std::to_string(first + i)));
  }
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(60));
  BatchAnswer answer;
  answer.status = v1::KeyValue::NewStub(channel)->Batch(&context, request, &answer.reply);
  return {answer.status, answer.applied(),
          context.GetServerTrailingMetadata().contains("grpc-retry-pushback-ms")};
}

TEST_F(StalledDisk, R14_AFullQueueRefusesAtOnceWithAdviceAndRecovers) {
  constexpr int kCalls = 12;
  constexpr int kRefused = kCalls - 6;  // 65,536 writes may wait
  auto before = StallWithWriteOf("-1");
  std::vector<std::future<BatchEnd>> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::async(std::launch::async, SetTenThousand, channel_, i * 10'000));
  }
  const auto ended = [&] {
    return std::ranges::count_if(calls, [](const std::future<BatchEnd>& call) {
      return call.wait_for(milliseconds(10)) == std::future_status::ready;
    });
  };
  while (ended() < kRefused) {
  }
  EXPECT_EQ(Get(*stub_, "1").reply.result(), v1::ERROR) << "the server no longer answers";
  gate_.Open();
  int refused = 0;
  for (int i = 0; i < kCalls; ++i) {
    const BatchEnd end = calls[i].get();
    const v1::Result expected = end.status.ok() ? v1::SUCCESS : v1::ERROR;
    EXPECT_EQ(Get(*stub_, std::to_string(i * 10'000 + 9'999)).reply.result(), expected);
    if (end.status.ok()) continue;
    ++refused;
    EXPECT_EQ(end.status.error_code(), grpc::RESOURCE_EXHAUSTED) << end.status.error_message();
    EXPECT_EQ(end.applied, v1::Undecided::NO);
    EXPECT_TRUE(end.advised);
  }
  EXPECT_EQ(refused, kRefused);
  EXPECT_EQ(before.get().reply.result(), v1::SUCCESS);
  EXPECT_EQ(Set(*stub_, "-2", 0, "a").reply.result(), v1::SUCCESS);
}

}  // namespace
}  // namespace tripla
