// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>

#include "model/limits.h"
#include "tests/harness/test_server.h"
#include "tests/rpc/attacked.h"

namespace tripla::attacked {
namespace {

constexpr char kKilobyte[] = "1";
constexpr char kMegabyte[] = "2";
constexpr int kMuchBytes = 3 << 20;
constexpr std::chrono::seconds kPatience{60};

std::string RequestOf(const std::string& key) {
  v1::GetRequest request;
  request.set_key(KeyBytes(key));
  return request.SerializeAsString();
}

}  // namespace

std::vector<std::string> Command(const std::string& directory) {
  return TestServer::CommandLine(directory + "/data", {});
}

void Prepare(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::KeyValue::NewStub(channel);
  EXPECT_TRUE(Set(*stub, kKilobyte, 0, std::string(1 << 10, 'x')).status.ok());
  EXPECT_TRUE(Set(*stub, kMegabyte, 0, std::string(1 << 20, 'x')).status.ok());
}

bool Call(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::GetRequest request;
  request.set_key(KeyBytes(kKilobyte));
  v1::Reply reply;
  return v1::KeyValue::NewStub(channel)->Get(&context, request, &reply).ok();
}

bool CallWithMuch(const std::shared_ptr<grpc::Channel>& channel) {
  return Set(*v1::KeyValue::NewStub(channel), "3", 0, std::string(kMuchBytes, 'x')).status.ok();
}

std::string Method() { return "/tripla.v1.KeyValue/Get"; }
std::string RequestOfAKilobyte() { return RequestOf(kKilobyte); }
std::string RequestOfAMegabyte() { return RequestOf(kMegabyte); }
std::string StreamMethod() { return "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"; }
uint64_t IncomingBytesMax() { return limits::kIncomingBytesMax; }

}  // namespace tripla::attacked
