// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "testing/testing.grpc.pb.h"
#include "tests/rpc/attacked.h"

namespace tripla::attacked {
namespace {

constexpr int kMuchBytes = 3 << 20;
constexpr std::chrono::seconds kPatience{60};

std::string RequestOf(int bytes) {
  grpc::testing::SimpleRequest request;
  request.set_response_size(bytes);
  return request.SerializeAsString();
}

bool Send(const std::shared_ptr<grpc::Channel>& channel, int bytes) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  grpc::testing::SimpleRequest request;
  request.mutable_payload()->set_body(std::string(bytes, 'x'));
  grpc::testing::SimpleResponse response;
  return grpc::testing::TestService::NewStub(channel)->UnaryCall(&context, request, &response).ok();
}

}  // namespace

std::vector<std::string> Command(const std::string& /*directory*/) {
  return {TRIPLA_RPC_TEST_SERVER, "127.0.0.1:0"};
}
void Prepare(const std::shared_ptr<grpc::Channel>& /*channel*/) {}
bool Call(const std::shared_ptr<grpc::Channel>& channel) { return Send(channel, 0); }
bool CallWithMuch(const std::shared_ptr<grpc::Channel>& channel) {
  return Send(channel, kMuchBytes);
}
std::string Method() { return "/grpc.testing.TestService/UnaryCall"; }
std::string RequestOfAKilobyte() { return RequestOf(1 << 10); }
std::string RequestOfAMegabyte() { return RequestOf(1 << 20); }
std::string StreamMethod() { return "/grpc.testing.TestService/FullDuplexCall"; }
uint64_t IncomingBytesMax() { return uint64_t{32} << 20; }

}  // namespace tripla::attacked
