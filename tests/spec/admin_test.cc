// SPDX-License-Identifier: Apache-2.0
// Admin, health and reflection (spec 5), as tools and monitors use them.
#include <google/protobuf/descriptor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "health/health.grpc.pb.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

v1::StatusReply Status(TestServer& server) {
  grpc::ClientContext context;
  v1::StatusReply reply;
  const grpc::Status status = server.admin().Status(&context, {}, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return reply;
}

v1::SnapshotReply Snapshot(TestServer& server) {
  grpc::ClientContext context;
  v1::SnapshotReply reply;
  const grpc::Status status = server.admin().Snapshot(&context, {}, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return reply;
}

TEST(Admin, StatusTellsWhatTheServerHolds) {
  const TemporaryDirectory directory;
  TestServer server(directory.path(), {"--fsync", "interval:100ms"});
  const v1::StatusReply empty = Status(server);
  EXPECT_EQ(empty.role(), "standalone");
  EXPECT_EQ(empty.revision(), 0u);
  EXPECT_EQ(empty.keys(), 0u);
  EXPECT_EQ(empty.state_hash(), std::string(16, '\0'));
  EXPECT_EQ(empty.durability(), "fsync interval:100ms");
  EXPECT_TRUE(empty.writable());
  EXPECT_EQ(empty.data_bytes_max(), 16u << 20);
  EXPECT_FALSE(empty.software_version().empty());

  Set(server.stub(), "1", 0, "12345");
  Set(server.stub(), "2", 0, "12345");
  Del(server.stub(), "2");
  const v1::StatusReply status = Status(server);
  EXPECT_EQ(status.revision(), 3u);
  EXPECT_EQ(status.keys(), 1u);
  EXPECT_GE(status.held_bytes(), 6u);
  EXPECT_EQ(status.log_index(), 3u);
  EXPECT_GT(status.log_bytes(), 0u);
  EXPECT_EQ(status.state_hash().size(), 16u);
  EXPECT_NE(status.state_hash(), empty.state_hash());
}

TEST(Admin, S20_StatusIsReadyWhenTheHealthServiceServes) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());  // waits until it is ready
  EXPECT_TRUE(Status(server).ready());
}

// So that a balancer of connections can spread clients over new servers.
TEST(Admin, S27_AConnectionOfMaxAgeIsEndedAndTheClientGoesOn) {
  const TemporaryDirectory directory;
  TestServer server(directory.path(), {"--max-connection-age", "1s"});
  EXPECT_TRUE(Status(server).ready());
  const auto deadline = std::chrono::system_clock::now() + std::chrono::seconds(30);
  EXPECT_TRUE(server.channel()->WaitForStateChange(GRPC_CHANNEL_READY, deadline));
  EXPECT_TRUE(Status(server).ready());
}

TEST(Admin, TheStateHashIsTheSameAfterARestart) {
  const TemporaryDirectory directory;
  std::string hash;
  {
    TestServer server(directory.path());
    for (int i = 0; i < 50; ++i) Set(server.stub(), std::to_string(i), i, "data");
    hash = Status(server).state_hash();
    server.Kill();
  }
  TestServer server(directory.path());
  EXPECT_EQ(Status(server).state_hash(), hash);
}

TEST(Admin, SnapshotAnswersWhenTheImageIsInForce) {
  const TemporaryDirectory directory;
  TestServer server(directory.path(), {"--snapshot-interval", "0"});
  for (int i = 0; i < 10; ++i) Set(server.stub(), std::to_string(i), i, "data");
  const v1::SnapshotReply snapshot = Snapshot(server);
  EXPECT_EQ(snapshot.entries(), 10u);
  EXPECT_EQ(snapshot.revision(), 10u);
  EXPECT_EQ(snapshot.log_index(), 10u);
  const std::string file = directory.path() + "/" + snapshot.file();
  ASSERT_TRUE(std::filesystem::exists(file)) << file;
  EXPECT_EQ(std::filesystem::file_size(file), snapshot.bytes());
  const v1::StatusReply status = Status(server);
  EXPECT_EQ(status.image_log_index(), 10u);
  EXPECT_EQ(status.image_bytes(), snapshot.bytes());
  EXPECT_GT(status.image_unix_ms(), 1'600'000'000'000u);
}

TEST(Admin, SnapshotsByPeriodComeWithoutBeingAskedFor) {
  const TemporaryDirectory directory;
  TestServer server(directory.path(), {"--snapshot-interval", "20ms"});
  Set(server.stub(), "1", 0, "a");
  while (Status(server).image_log_index() < 1) {
  }
  Set(server.stub(), "2", 0, "a");
  while (Status(server).image_log_index() < 2) {
  }
}

TEST(Admin, HealthSpeaksOfTheProcessAndOfTheService) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  const auto health = grpc::health::v1::Health::NewStub(server.channel());
  for (const char* service : {"", "tripla.v1.KeyValue"}) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse response;
    request.set_service(service);
    ASSERT_TRUE(health->Check(&context, request, &response).ok()) << service;
    EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING) << service;
  }
}

TEST(Admin, AServerThatStandsAloneHandsLeadershipToNobody) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  grpc::ClientContext context;
  v1::TransferReply reply;
  const grpc::Status status = server.admin().Transfer(&context, {}, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), testing::HasSubstr("stands alone"));
  EXPECT_FALSE(Status(server).has_has_lease());
  EXPECT_EQ(Status(server).members_size(), 0);
}

}  // namespace
}  // namespace tripla
