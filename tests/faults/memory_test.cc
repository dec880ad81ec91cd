// SPDX-License-Identifier: Apache-2.0
// What clients can make a server hold in memory has an end, and others are served meanwhile (R14,
// docs/decisions/0004-bounded-memory.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "model/limits.h"
#include "tests/harness/dose.h"
#include "tests/harness/raw_connection.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using Stub = v1::KeyValue::Stub;
using std::chrono::steady_clock;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr size_t kLargest = limits::kDefaultDataBytesMax;

// A request is there as a message and as a command while it waits, a reply as a message and as the
// bytes that go out. The rest is the program, what its threads have in hand, and one entry.
constexpr uint64_t kMostBytes = limits::kIncomingBytesMax + 2 * limits::kQueueBytesMax +
                                2 * limits::kUnsentReplyBytesMax + 256 * kMiB;

v1::SetRequest LargeSet(const std::string& key) {
  v1::SetRequest request;
  request.set_key(KeyBytes(key));
  request.set_data(std::string(kLargest, 'x'));
  return request;
}

// Sends until the server has room for it. When it has none, gRPC also hangs up on those who are
// idle at that moment.
template <typename Method, typename Request>
CallAnswer Settle(Stub& stub, Method method, const Request& request) {
  const auto deadline = steady_clock::now() + std::chrono::minutes(1);
  CallAnswer answer;
  do {
    answer = Send(stub, method, request);
  } while ((answer.status.error_code() == grpc::RESOURCE_EXHAUSTED ||
            answer.status.error_code() == grpc::UNAVAILABLE) &&
           steady_clock::now() < deadline);
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_code() << answer.status.error_message();
  return answer;
}

// Another client, with small values, for as long as `act` takes; tells how it fared.
void ServeOthersWhile(TestServer& server, const std::function<void()>& act) {
  std::atomic<bool> over = false;
  auto other = std::async(std::launch::async, [&] {
    const std::unique_ptr<Stub> stub = v1::KeyValue::NewStub(Connect(server.endpoint()));
    v1::SetRequest set;
    set.set_data("small");
    set.mutable_request_id()->set_client("one of the others");
    set.mutable_request_id()->mutable_client()->resize(16);
    steady_clock::duration longest{};
    int served = 0;
    for (; !over || served == 0; ++served) {
      const std::string key = KeyBytes(std::to_string(1'000'000 + served));
      set.set_key(key);
      set.mutable_request_id()->set_sequence(served + 1);
      v1::GetRequest get;
      get.set_key(key);
      const auto start = steady_clock::now();
      EXPECT_EQ(Settle(*stub, &Stub::Set, set).reply.result(), v1::SUCCESS);
      EXPECT_EQ(Settle(*stub, &Stub::Get, get).reply.value().data(), "small");
      longest = std::max(longest, steady_clock::now() - start);
      if (testing::Test::HasFailure()) break;
    }
    std::cout << "meanwhile " << served << " sets and gets of another client, the longest took "
              << std::chrono::duration_cast<std::chrono::milliseconds>(longest).count() << " ms\n";
  });
  act();
  over = true;
  other.get();
}

void ExpectBoundedMemory(TestServer& server) {
  const uint64_t peak = server.process().PeakResidentBytes();
  std::cout << "the server's memory reached " << peak / kMiB << " MiB; the limits add up to "
            << kMostBytes / kMiB << " MiB\n";
  EXPECT_LT(peak, kMostBytes);
}

TEST(Memory, R14_SixtyFourClientsWithTheLargestValuesHaveABound) {
  const int clients = LongDose() ? 256 : 64;
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  const v1::SetRequest request = LargeSet("1");
  std::atomic<int> won = 0;
  std::atomic<int> lost = 0;  // and are shown the value that was faster
  std::atomic<int> refused = 0;
  ServeOthersWhile(server, [&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i) {
      threads.emplace_back([&] {
        const std::unique_ptr<Stub> stub = v1::KeyValue::NewStub(Connect(server.endpoint()));
        // Very short of memory, gRPC also lets go of connections whose call it has not read yet:
        // whom it does that to asks again, and is answered or refused then.
        const auto deadline = steady_clock::now() + std::chrono::minutes(2);
        CallAnswer answer;
        do {
          answer = Send(*stub, &Stub::Set, request, std::chrono::minutes(2));
        } while (answer.status.error_code() == grpc::UNAVAILABLE && steady_clock::now() < deadline);
        if (!answer.status.ok()) {
          EXPECT_EQ(answer.status.error_code(), grpc::RESOURCE_EXHAUSTED)
              << answer.status.error_message();
          ++refused;
        } else if (answer.reply.result() == v1::SUCCESS) {
          ++won;
        } else {
          EXPECT_EQ(answer.reply.value().data().size(), kLargest);
          ++lost;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  std::cout << lost << " of " << clients << " were shown another's value, " << refused
            << " were refused\n";
  ExpectBoundedMemory(server);
  EXPECT_LE(won, 1);
  EXPECT_GT(lost, 0);
  v1::SetRequest again = LargeSet("2");
  EXPECT_EQ(Settle(server.stub(), &Stub::Set, again).reply.result(), v1::SUCCESS);
}

TEST(Memory, R14_ClientsThatReadNothingOfWhatTheyAskForHaveABoundAndLoseTheirCalls) {
  constexpr int kConnections = 16;
  const uint32_t calls = LongDose() ? 1000 : 16;
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  ASSERT_TRUE(Send(server.stub(), &Stub::Set, LargeSet("7")).status.ok());
  v1::GetRequest get;
  get.set_key(KeyBytes("7"));
  const std::string message = get.SerializeAsString();
  const auto call = [&](uint32_t number) {
    const uint32_t stream = 2 * number + 1;
    return CallHeaders("/tripla.v1.KeyValue/Get", stream) +
           CallMessage(message, static_cast<uint32_t>(message.size()), stream);
  };
  std::vector<RawConnection> deaf;
  ServeOthersWhile(server, [&] {
    for (int i = 0; i < kConnections; ++i) {
      deaf.emplace_back(server.endpoint());
      std::string bytes = Http2Greeting(INT32_MAX);
      for (uint32_t number = 0; number < calls; ++number) bytes += call(number);
      ASSERT_TRUE(deaf.back().Send(bytes));
    }
    // While this client had room for a reply, the others wait for what it holds: one of them asks
    // again as often, until a call waits as long as it may.
    const auto deadline = steady_clock::now() + std::chrono::minutes(1);
    constexpr std::chrono::milliseconds kShort{500};
    for (uint32_t number = calls; Send(server.stub(), &Stub::Get, get, kShort).status.ok();
         ++number) {
      ASSERT_TRUE(deaf.back().Send(call(number)));
      ASSERT_LT(steady_clock::now(), deadline) << "those who do not read leave room for others";
    }
    // A call with more time waits until those who do not read have had theirs.
    EXPECT_EQ(Settle(server.stub(), &Stub::Get, get).reply.value().data().size(), kLargest);
  });
  ExpectBoundedMemory(server);
}

// Overwrites the keys of one writer by batches, which it counts, until it is told to stop.
void OverwriteByBatches(TestServer& server, int writer, const std::atomic<bool>& over,
                        std::atomic<int>& batches) {
  constexpr int kKeys = 500;
  const std::unique_ptr<Stub> stub = v1::KeyValue::NewStub(Connect(server.endpoint()));
  v1::BatchRequest batch;
  for (int key = 0; key < kKeys; ++key) {
    const std::string bytes = KeyBytes(std::to_string(writer * 1000 + key));
    batch.add_operations()->mutable_del()->set_key(bytes);
    v1::SetRequest& set = *batch.add_operations()->mutable_set();
    set.set_key(bytes);
    set.set_data(std::string(200, 'x'));
  }
  while (!over && !testing::Test::HasFailure()) {
    const BatchAnswer answer = SendBatch(*stub, batch);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
    ++batches;
  }
}

// As many images as a server writes by itself in hours, one after the other under load. Each of
// them holds a version of the map, while batches retire what it is made of (S13).
TEST(Memory, S13_ImagesAndBatchesWithoutEndLeaveMemoryFlat) {
  const int images = LongDose() ? 2880 : 300;
  const TemporaryDirectory directory;
  TestServer server(directory.path(), {"--fsync", "never"});
  std::atomic<bool> over = false;
  std::atomic<int> batches = 0;
  std::vector<std::thread> writers;
  for (int writer = 1; writer <= 3; ++writer) {
    writers.emplace_back([&, writer] { OverwriteByBatches(server, writer, over, batches); });
  }
  uint64_t early = 0;
  uint64_t late = 0;
  for (int image = 0; image < images && !HasFailure(); ++image) {
    while (batches < 4 * image && !HasFailure()) std::this_thread::yield();
    grpc::ClientContext context;
    v1::SnapshotReply reply;
    const grpc::Status status = server.admin().Snapshot(&context, {}, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    uint64_t& peak = image <= images / 10 ? early : late;
    peak = std::max(peak, server.process().ResidentBytes());
  }
  over = true;
  for (std::thread& writer : writers) writer.join();
  std::cout << "resident: " << early / kMiB << " MiB in the first tenth, " << late / kMiB
            << " MiB behind it, revision " << StatusOf(server.channel()).revision() << "\n";
  EXPECT_LE(late, early + early / 5);
  server.Stop();
}

}  // namespace
}  // namespace tripla
