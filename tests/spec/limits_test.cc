// SPDX-License-Identifier: Apache-2.0
// Bad and oversized requests (R10, R12, R14): each is refused with its named error and surely not
// applied, and the server goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <limits>
#include <string>
#include <thread>
#include <utility>

#include "base/mutex.h"
#include "tests/harness/test_server.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla {
namespace {

using Stub = v1::KeyValue::Stub;
constexpr size_t kMiB = size_t{1} << 20;

class Limits : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    server_ = new TestServer(directory_->path());
  }
  static void TearDownTestSuite() {
    server_->Stop();
    delete server_;
    delete directory_;
  }
  Stub& stub() { return server_->stub(); }

  // The call failed with `code`, surely not applied.
  template <typename SomeAnswer>
  void ExpectRefused(const SomeAnswer& answer, grpc::StatusCode code) {
    EXPECT_EQ(answer.status.error_code(), code) << answer.status.error_message();
    EXPECT_EQ(answer.applied(), v1::Undecided::NO) << answer.status.error_message();
    const bool too_large = code == grpc::RESOURCE_EXHAUSTED;
    EXPECT_EQ(UndecidedOf(answer.status).value_or(v1::Undecided()).reason(),
              too_large ? v1::Undecided::TOO_LARGE : v1::Undecided::REASON_UNSPECIFIED);
    EXPECT_FALSE(answer.status.error_message().empty());
    EXPECT_EQ(Get(stub(), "424242").reply.result(), v1::ERROR) << "the server no longer answers";
  }

 private:
  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestServer* server_ = nullptr;
};

// Sends the request as often as `wanted` says, all at once. Leaves there the number of those that
// were refused, and returns the longest wait that the server advised them.
std::chrono::milliseconds GetAtOnce(Stub& stub, const v1::GetRequest& request, int& wanted) {
  struct Call {
    grpc::ClientContext context;
    v1::Reply reply;
  };
  Mutex mutex;
  Condition changed;
  int under_way = wanted;
  std::chrono::milliseconds advised{0};
  for (int i = std::exchange(wanted, 0); i > 0; --i) {
    auto* call = new Call;
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
    stub.async()->Get(
        &call->context, &request, &call->reply, [&, call](const grpc::Status& status) {
          const MutexLock lock(mutex);
          if (!status.ok()) {
            EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED) << status.error_message();
            const auto& trailers = call->context.GetServerTrailingMetadata();
            const auto pushback = trailers.find("grpc-retry-pushback-ms");
            EXPECT_NE(pushback, trailers.end());
            if (pushback != trailers.end()) {
              const std::string text(pushback->second.data(), pushback->second.size());
              advised = std::max(advised, std::chrono::milliseconds(std::stoi(text)));
            }
            ++wanted;
          }
          delete call;
          --under_way;
          changed.NotifyAll();
        });
  }
  const MutexLock lock(mutex);
  while (under_way > 0) changed.Wait(mutex);
  return advised;
}

TEST_F(Limits, AnEmptyKeyIsInvalidEverywhere) {
  ExpectRefused(Send(stub(), &Stub::Set, v1::SetRequest()), grpc::INVALID_ARGUMENT);
  ExpectRefused(Send(stub(), &Stub::Del, v1::DelRequest()), grpc::INVALID_ARGUMENT);
  ExpectRefused(Send(stub(), &Stub::DelVersion, v1::DelVersionRequest()), grpc::INVALID_ARGUMENT);
  ExpectRefused(Send(stub(), &Stub::TestAndSet, v1::TestAndSetRequest()), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Send(stub(), &Stub::Get, v1::GetRequest()).status.error_code(), grpc::INVALID_ARGUMENT);
}

TEST_F(Limits, R14_AKeyOf64KiBIsTakenAndOneByteMoreIsNot) {
  v1::SetRequest request;
  request.set_key(std::string(64 << 10, '\x55'));
  request.set_data("long key");
  EXPECT_EQ(Send(stub(), &Stub::Set, request).reply.result(), v1::SUCCESS);
  v1::GetRequest get;
  get.set_key(request.key());
  EXPECT_EQ(Send(stub(), &Stub::Get, get).reply.value().data(), "long key");
  request.mutable_key()->push_back('\x55');
  ExpectRefused(Send(stub(), &Stub::Set, request), grpc::RESOURCE_EXHAUSTED);
}

TEST_F(Limits, R14_DataOf16MiBIsTakenAndRefusalsCarryItBack) {
  const std::string data(16 * kMiB, 'd');
  EXPECT_EQ(Set(stub(), "16", 0, data).reply.result(), v1::SUCCESS);
  EXPECT_EQ(Get(stub(), "16").reply.value().data(), data);
  const CallAnswer again = Set(stub(), "16", 0, data);
  EXPECT_EQ(again.reply.result(), v1::ERROR);
  EXPECT_EQ(again.reply.value().data(), data);
  EXPECT_EQ(Del(stub(), "16").reply.value().data().size(), data.size());
}

TEST_F(Limits, R14_OneByteMoreIsRefusedAndNothingChanges) {
  const std::string data(16 * kMiB + 1, 'd');
  ExpectRefused(Set(stub(), "17", 0, data), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Get(stub(), "17").reply.result(), v1::ERROR);
  Set(stub(), "17", 0, "a");
  ExpectRefused(TestAndSet(stub(), "17", 1, 0, data), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Get(stub(), "17").reply.value().version(), 1);
  ExpectRefused(Set(stub(), "18", 0, std::string(80 * kMiB, 'd')), grpc::RESOURCE_EXHAUSTED);
}

TEST_F(Limits, RequestIdsAreChecked) {
  v1::SetRequest request;
  request.set_key("\x01");
  request.mutable_request_id()->set_client("fifteen bytes..");
  request.mutable_request_id()->set_sequence(1);
  ExpectRefused(Send(stub(), &Stub::Set, request), grpc::INVALID_ARGUMENT);
  request.mutable_request_id()->set_client("seventeen bytes..");
  ExpectRefused(Send(stub(), &Stub::Set, request), grpc::INVALID_ARGUMENT);
  request.mutable_request_id()->set_client("sixteen bytes...");
  request.mutable_request_id()->set_sequence(0);
  ExpectRefused(Send(stub(), &Stub::Set, request), grpc::INVALID_ARGUMENT);
  request.mutable_request_id()->set_sequence(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(Send(stub(), &Stub::Set, request).reply.result(), v1::SUCCESS);
}

TEST_F(Limits, BadBatchesAreRefusedWhole) {
  ExpectRefused(SendBatch(stub(), v1::BatchRequest()), grpc::INVALID_ARGUMENT);

  v1::BatchRequest unset;
  unset.add_operations()->mutable_set()->set_key(KeyBytes("1900"));
  unset.add_operations();
  ExpectRefused(SendBatch(stub(), unset), grpc::INVALID_ARGUMENT);
  EXPECT_EQ(Get(stub(), "1900").reply.result(), v1::ERROR) << "half a batch was executed";

  v1::BatchRequest many;
  for (int i = 0; i < 10'001; ++i) many.add_operations()->mutable_set()->set_key(KeyBytes("1901"));
  ExpectRefused(SendBatch(stub(), many), grpc::RESOURCE_EXHAUSTED);

  v1::BatchRequest large;
  for (int i = 0; i < 9; ++i) {
    v1::SetRequest& set = *large.add_operations()->mutable_set();
    set.set_key(KeyBytes("1902"));
    set.set_data(std::string(8 * kMiB, 'd'));
  }
  ExpectRefused(SendBatch(stub(), large), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Get(stub(), "1902").reply.result(), v1::ERROR);
}

TEST_F(Limits, ABatchOfReadsWhoseReplyIsTooLargeIsRefused) {
  Set(stub(), "2000", 0, std::string(16 * kMiB, 'd'));
  v1::BatchRequest reads;
  for (int i = 0; i < 5; ++i) reads.add_operations()->mutable_get()->set_key(KeyBytes("2000"));
  EXPECT_EQ(SendBatch(stub(), reads).status.error_code(), grpc::RESOURCE_EXHAUSTED);
  reads.mutable_operations()->RemoveLast();
  EXPECT_EQ(SendBatch(stub(), reads).reply.replies_size(), 4);
  Del(stub(), "2000");
}

// It cannot be refused before: what it will find, only its place in the order tells.
TEST_F(Limits, R12a_ABatchOfWritesWhoseReplyIsTooLargeSaysThatItWasAppliedAndForbidsARetry) {
  Set(stub(), "2050", 7, std::string(16 * kMiB, 'd'));
  v1::BatchRequest writes;
  for (int i = 0; i < 5; ++i) writes.add_operations()->mutable_set()->set_key(KeyBytes("2050"));
  writes.add_operations()->mutable_set()->set_key(KeyBytes("2051"));
  const BatchAnswer answer = SendBatch(stub(), writes);
  EXPECT_EQ(answer.status.error_code(), grpc::OUT_OF_RANGE) << answer.status.error_message();
  EXPECT_EQ(answer.applied(), v1::Undecided::YES) << answer.status.error_message();
  EXPECT_EQ(Get(stub(), "2051").reply.result(), v1::SUCCESS);
  // The second detail is the reply without data.
  v1::RpcStatus detailed;
  v1::BatchReply reply;
  ASSERT_TRUE(detailed.ParseFromString(answer.status.error_details()));
  ASSERT_EQ(detailed.details_size(), 2);
  ASSERT_TRUE(detailed.details(1).UnpackTo(&reply));
  ASSERT_EQ(reply.replies_size(), 6);
  EXPECT_EQ(reply.replies(0).result(), v1::ERROR);
  EXPECT_EQ(reply.replies(0).value().timestamp(), 7);
  EXPECT_EQ(reply.replies(0).value().data(), "");
  EXPECT_EQ(reply.replies(5).result(), v1::SUCCESS);
  // It can be had without data at once.
  for (v1::Operation& operation : *writes.mutable_operations()) {
    operation.mutable_set()->set_without_data(true);
  }
  EXPECT_EQ(SendBatch(stub(), writes).reply.replies_size(), 6);
  Del(stub(), "2050");
}

// Of so many operations the replies do not fit into the metadata of gRPC, which would lose all.
TEST_F(Limits, R12a_TheDetailsOfALongBatchHoldUndecidedAlone) {
  Set(stub(), "2060", 7, std::string(16 * kMiB, 'd'));
  v1::BatchRequest writes;
  for (int i = 0; i < 5; ++i) writes.add_operations()->mutable_set()->set_key(KeyBytes("2060"));
  for (int i = 0; i < 3000; ++i) writes.add_operations()->mutable_set()->set_key(KeyBytes("2061"));
  const BatchAnswer answer = SendBatch(stub(), writes);
  EXPECT_EQ(answer.status.error_code(), grpc::OUT_OF_RANGE) << answer.status.error_message();
  EXPECT_EQ(answer.applied(), v1::Undecided::YES);
  Del(stub(), "2060");
}

TEST_F(Limits, R12a_ABatchThatChangedNothingAndWhoseReplyIsTooLargeWasNotApplied) {
  Set(stub(), "2070", 7, std::string(16 * kMiB, 'd'));
  v1::BatchRequest writes;
  for (int i = 0; i < 5; ++i) writes.add_operations()->mutable_set()->set_key(KeyBytes("2070"));
  const BatchAnswer answer = SendBatch(stub(), writes);
  EXPECT_EQ(answer.status.error_code(), grpc::RESOURCE_EXHAUSTED) << answer.status.error_message();
  EXPECT_EQ(answer.applied(), v1::Undecided::NO);
  Del(stub(), "2070");
}

// One client that reads as fast as it can, with all its calls on one connection.
TEST_F(Limits, S26_AReaderAtFullSpeedGetsEachOf128LargeValuesInFiveAttempts) {
  constexpr int kCalls = 128;
  Set(stub(), "2080", 0, std::string(16 * kMiB, 'd'));
  v1::GetRequest request;
  request.set_key(KeyBytes("2080"));
  int wanted = kCalls;
  for (int attempt = 1; attempt <= 5 && wanted > 0; ++attempt) {
    const std::chrono::milliseconds pushback = GetAtOnce(stub(), request, wanted);
    std::this_thread::sleep_for(pushback);
  }
  EXPECT_EQ(wanted, 0);
  Del(stub(), "2080");
}

TEST_F(Limits, ACallWhoseDeadlineHasPassedIsNotExecuted) {
  v1::SetRequest request;
  request.set_key(KeyBytes("2100"));
  const CallAnswer answer = Send(stub(), &Stub::Set, request, std::chrono::milliseconds(-1));
  EXPECT_EQ(answer.status.error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_EQ(Get(stub(), "2100").reply.result(), v1::ERROR);
}

// No operation leads to the highest version: the golden image has an entry that is there.
TEST(VersionLimit, R8b_AtTheHighestVersionTestAndSetIsOutOfRangeAndNothingChanges) {
  const TemporaryDirectory directory;
  TestServer(directory.path()).Stop();
  constexpr char kImage[] = "/00000000000000000022.image";
  std::filesystem::copy_file(std::string(TRIPLA_GOLDEN "/image-format-1") + kImage,
                             directory.path() + "/image" + kImage);
  TestServer server(directory.path());
  const v1::Reply before = Get(server.stub(), "7").reply;
  constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();
  ASSERT_EQ(before.value().version(), kHighest);
  const CallAnswer answer = TestAndSet(server.stub(), "7", kHighest, 0, "beyond");
  EXPECT_EQ(answer.status.error_code(), grpc::OUT_OF_RANGE);
  EXPECT_EQ(answer.applied(), v1::Undecided::NO) << answer.status.error_message();
  EXPECT_EQ(Get(server.stub(), "7").reply.SerializeAsString(), before.SerializeAsString());
  EXPECT_EQ(DelVersion(server.stub(), "7", kHighest).reply.result(), v1::SUCCESS);
}

TEST(ConfiguredLimits, R14_DataBytesMaxIsConfigurableAndAdvertised) {
  TemporaryDirectory directory;
  TestServer server(directory.path(), {"--data-bytes-max", "1KiB"});
  grpc::ClientContext context;
  v1::StatusReply status;
  ASSERT_TRUE(server.admin().Status(&context, {}, &status).ok());
  EXPECT_EQ(status.data_bytes_max(), 1024u);
  EXPECT_EQ(status.key_bytes_max(), 65'536u);
  EXPECT_EQ(Set(server.stub(), "1", 0, std::string(1024, 'd')).reply.result(), v1::SUCCESS);
  EXPECT_EQ(Set(server.stub(), "2", 0, std::string(1025, 'd')).status.error_code(),
            grpc::RESOURCE_EXHAUSTED);
}

TEST(ConfiguredLimits, R14_LargerDataThanADefaultBatchCanBeConfigured) {
  TemporaryDirectory directory;
  TestServer server(directory.path(), {"--data-bytes-max", "100MiB"});
  const std::string data(100 * kMiB, 'd');
  EXPECT_EQ(Set(server.stub(), "1", 0, data).reply.result(), v1::SUCCESS);
  EXPECT_EQ(Get(server.stub(), "1").reply.value().data(), data);
}

}  // namespace
}  // namespace tripla
