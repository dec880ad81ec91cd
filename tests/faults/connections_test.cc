// SPDX-License-Identifier: Apache-2.0
// Clients that misbehave on the wire harm nobody else (R14, R15).
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <vector>

#include "tests/harness/raw_connection.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

// The first bytes of a Set call whose message never comes to its end.
std::string HalfAnRpc() {
  constexpr uint32_t kStream = 1;
  return Http2Greeting(65'535) + CallHeaders("/tripla.v1.KeyValue/Set", kStream) +
         CallMessage("\x0a\x01\x07", 100, kStream);
}

TEST(Connections, TenThousandOpenedAndDropped) {
  constexpr int kConnections = kSanitized ? 3'000 : 10'000;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // As many at once as this process may open, in as many rounds as that takes.
  const int at_once = std::min<int>(kConnections, static_cast<int>(files.rlim_cur) - 200);
  ASSERT_GT(at_once, 0);
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  Set(server.stub(), "1", 0, "a");
  for (int opened = 0; opened < kConnections;) {
    std::vector<RawConnection> connections;
    for (int i = 0; i < at_once && opened < kConnections; ++i, ++opened) {
      connections.emplace_back(server.endpoint());
      ASSERT_TRUE(connections.back().connected()) << opened;
    }
    EXPECT_EQ(Get(server.stub(), "1").reply.result(), v1::SUCCESS) << "while they are open";
  }
  EXPECT_EQ(Set(server.stub(), "2", 0, "a").reply.result(), v1::SUCCESS);
  // It may stand in line behind what is left of them, for longer than gRPC tries to connect.
  const auto fresh = v1::KeyValue::NewStub(Connect(server.endpoint()));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  CallAnswer answer;
  do {
    answer = Get(*fresh, "2");
  } while (answer.status.error_code() == grpc::UNAVAILABLE &&
           std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(answer.reply.result(), v1::SUCCESS) << answer.status.error_message();
  server.Stop();
}

TEST(Connections, HalfAMessageHoldsUpNobodyAndIsNotExecuted) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  std::vector<RawConnection> stalled;
  for (int i = 0; i < 100; ++i) {
    stalled.emplace_back(server.endpoint());
    ASSERT_TRUE(stalled.back().Send(HalfAnRpc()));
  }
  EXPECT_EQ(Set(server.stub(), "8", 0, "a").reply.result(), v1::SUCCESS);
  EXPECT_EQ(Get(server.stub(), "7").reply.result(), v1::ERROR);
  server.Stop();
}

TEST(Connections, GarbageInsteadOfHttp2IsDropped) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  for (int i = 0; i < 100; ++i) {
    const RawConnection garbage(server.endpoint());
    (void)garbage.Send(std::string(1000, static_cast<char>(i)));
  }
  EXPECT_EQ(Set(server.stub(), "8", 0, "a").reply.result(), v1::SUCCESS);
  server.Stop();
}

TEST(Connections, CallsInFlightAtAStopAreAnswered) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  std::vector<std::future<std::pair<int, int>>> writers;
  for (int i = 0; i < 8; ++i) {
    writers.push_back(std::async(std::launch::async, [&server, i] {
      const std::shared_ptr<grpc::Channel> channel = Connect(server.endpoint());
      const std::unique_ptr<v1::KeyValue::Stub> stub = v1::KeyValue::NewStub(channel);
      int key = i * 1'000'000;
      while (Set(*stub, std::to_string(key), key, "a").status.ok()) ++key;
      return std::pair(i * 1'000'000, key);
    }));
  }
  while (Get(server.stub(), "7000010").reply.result() != v1::SUCCESS) {
  }
  server.Stop();
  TestServer again(directory.path());
  for (auto& writer : writers) {
    const auto [first, end] = writer.get();
    EXPECT_EQ(Get(again.stub(), std::to_string(end - 1)).reply.value().timestamp(), end - 1);
    EXPECT_GT(end, first);
  }
}

}  // namespace
}  // namespace tripla
