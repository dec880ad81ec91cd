// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/test_server.h"

#include <gtest/gtest.h>

#include <csignal>

#include "tripla/key.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla {
namespace {

std::optional<v1::Undecided::Applied> AppliedOf(const grpc::Status& status) {
  const std::optional<v1::Undecided> undecided = UndecidedOf(status);
  if (!undecided) return std::nullopt;
  return undecided->applied();
}

}  // namespace

TestServer::TestServer(const std::string& data_dir, std::vector<std::string> flags) {
  process_ = std::make_unique<Process>(CommandLine(data_dir, std::move(flags)));
  endpoint_ = process_->AwaitOutput("ready on ");
  channel_ = Connect(endpoint_);
  stub_ = v1::KeyValue::NewStub(channel_);
  admin_ = v1::Admin::NewStub(channel_);
}

std::vector<std::string> TestServer::CommandLine(const std::string& data_dir,
                                                 std::vector<std::string> flags) {
  std::vector<std::string> argv = {ProgramPath("triplad"), "--data-dir", data_dir, "--listen",
                                   "127.0.0.1:0"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  return argv;
}

void TestServer::Stop() {
  stub_ = nullptr;
  admin_ = nullptr;
  channel_ = nullptr;
  process_->Signal(SIGTERM);
  EXPECT_EQ(process_->Wait(), 0) << process_->output();
}

std::shared_ptr<grpc::Channel> Connect(const std::string& endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A server that was down or cut off for long is found again soon.
  constexpr int kReconnectMs = 1000;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  // In spite of its name this is how long an attempt may take: on a busy machine, seconds.
  constexpr int kConnectTimeoutMs = 5000;
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
}

std::optional<v1::Undecided> UndecidedOf(const grpc::Status& status) {
  v1::RpcStatus detailed;
  v1::Undecided undecided;
  if (status.error_details().empty() || !detailed.ParseFromString(status.error_details()) ||
      detailed.code() != status.error_code() || detailed.details().empty() ||
      !detailed.details(0).UnpackTo(&undecided)) {
    return std::nullopt;
  }
  return undecided;
}

v1::StatusReply StatusOf(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::StatusReply reply;
  const grpc::Status status = v1::Admin::NewStub(channel)->Status(&context, {}, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return reply;
}

std::optional<v1::Undecided::Applied> CallAnswer::applied() const { return AppliedOf(status); }
std::optional<v1::Undecided::Applied> BatchAnswer::applied() const { return AppliedOf(status); }

std::string KeyBytes(const std::string& decimal) {
  return std::string(Key::Parse(decimal).value().twos_complement());
}

CallAnswer Set(v1::KeyValue::Stub& stub, const std::string& key, int64_t timestamp,
               std::string data) {
  v1::SetRequest request;
  request.set_key(KeyBytes(key));
  request.set_timestamp(timestamp);
  request.set_data(std::move(data));
  return Send(stub, &v1::KeyValue::Stub::Set, request);
}

CallAnswer Get(v1::KeyValue::Stub& stub, const std::string& key) {
  v1::GetRequest request;
  request.set_key(KeyBytes(key));
  return Send(stub, &v1::KeyValue::Stub::Get, request);
}

CallAnswer Del(v1::KeyValue::Stub& stub, const std::string& key) {
  v1::DelRequest request;
  request.set_key(KeyBytes(key));
  return Send(stub, &v1::KeyValue::Stub::Del, request);
}

CallAnswer DelVersion(v1::KeyValue::Stub& stub, const std::string& key, int64_t version,
                      uint64_t if_revision) {
  v1::DelVersionRequest request;
  request.set_key(KeyBytes(key));
  request.set_version(version);
  request.set_if_revision(if_revision);
  return Send(stub, &v1::KeyValue::Stub::DelVersion, request);
}

CallAnswer TestAndSet(v1::KeyValue::Stub& stub, const std::string& key, int64_t version,
                      int64_t timestamp, std::string data, uint64_t if_revision) {
  v1::TestAndSetRequest request;
  request.set_key(KeyBytes(key));
  request.set_version(version);
  request.set_if_revision(if_revision);
  request.mutable_value()->set_timestamp(timestamp);
  request.mutable_value()->set_data(std::move(data));
  return Send(stub, &v1::KeyValue::Stub::TestAndSet, request);
}

BatchAnswer SendBatch(v1::KeyValue::Stub& stub, const v1::BatchRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  BatchAnswer answer;
  answer.status = stub.Batch(&context, request, &answer.reply);
  return answer;
}

}  // namespace tripla
