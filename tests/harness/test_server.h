// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/harness/process.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// A real triplad process on a free loopback port, with a raw gRPC connection to it.
class TestServer {
 public:
  // Starts triplad on `data_dir` and waits until it is ready.
  explicit TestServer(const std::string& data_dir, std::vector<std::string> flags = {});

  const std::string& endpoint() const { return endpoint_; }
  v1::KeyValue::Stub& stub() { return *stub_; }
  v1::Admin::Stub& admin() { return *admin_; }
  std::shared_ptr<grpc::Channel> channel() const { return channel_; }
  Process& process() { return *process_; }

  // Hangs up, sends SIGTERM and expects exit code 0.
  void Stop();
  // kill -9.
  void Kill() { process_->Kill(); }

  // What the server's flags are for `data_dir`, for tests which expect that it does not start.
  static std::vector<std::string> CommandLine(const std::string& data_dir,
                                              std::vector<std::string> flags);

 private:
  std::unique_ptr<Process> process_;
  std::string endpoint_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::KeyValue::Stub> stub_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

// A new connection of its own, with no limit on message sizes.
std::shared_ptr<grpc::Channel> Connect(const std::string& endpoint);

// What a server says of itself. Fails the test when it does not answer.
v1::StatusReply StatusOf(const std::shared_ptr<grpc::Channel>& channel);

// The Undecided of an error, its first detail, if it carries one.
std::optional<v1::Undecided> UndecidedOf(const grpc::Status& status);

// One answered call: the gRPC status, and the reply when it is OK.
struct CallAnswer {
  grpc::Status status;
  v1::Reply reply;

  // What Undecided says, if the error carries one.
  std::optional<v1::Undecided::Applied> applied() const;
};

// Two's complement bytes of a decimal number.
std::string KeyBytes(const std::string& decimal);

CallAnswer Set(v1::KeyValue::Stub& stub, const std::string& key, int64_t timestamp,
               std::string data);
CallAnswer Get(v1::KeyValue::Stub& stub, const std::string& key);
CallAnswer Del(v1::KeyValue::Stub& stub, const std::string& key);
CallAnswer DelVersion(v1::KeyValue::Stub& stub, const std::string& key, int64_t version,
                      uint64_t if_revision = 0);
CallAnswer TestAndSet(v1::KeyValue::Stub& stub, const std::string& key, int64_t version,
                      int64_t timestamp, std::string data, uint64_t if_revision = 0);

// Sends any request as it is. The method is one of the stub's, for example
// &v1::KeyValue::Stub::Set.
template <typename Method, typename Request>
CallAnswer Send(v1::KeyValue::Stub& stub, Method method, const Request& request,
                std::chrono::milliseconds timeout = std::chrono::seconds(30)) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  CallAnswer answer;
  answer.status = (stub.*method)(&context, request, &answer.reply);
  return answer;
}

// The same for Batch.
struct BatchAnswer {
  grpc::Status status;
  v1::BatchReply reply;
  std::optional<v1::Undecided::Applied> applied() const;
};
BatchAnswer SendBatch(v1::KeyValue::Stub& stub, const v1::BatchRequest& request);

}  // namespace tripla
