// SPDX-License-Identifier: Apache-2.0
#include "service/peer_link.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "model/limits.h"
#include "service/status_mapping.h"

namespace tripla {
namespace {

constexpr size_t kDataBytes = size_t{16} << 20;

// A follower that passes on whatever it is given.
class Follower : public v1::KeyValue::CallbackService {
 public:
  explicit Follower(std::string leader) : leader_(std::move(leader)) {}
  ~Follower() override { peers_.Stop(); }

  grpc::ServerUnaryReactor* Set(grpc::CallbackServerContext* context,
                                const v1::SetRequest* request, v1::Reply* reply) override {
    auto* pending = new PendingCall(context, unsent_);
    if (const absl::Status passed = peers_.PassOn(leader_, *pending, *request, *reply);
        !passed.ok()) {
      pending->Finish(WriteError(passed, Applied::kNo));
    }
    return pending;
  }

 private:
  const std::string leader_;
  UnsentReplies unsent_;
  PeerLink peers_;
};

// A leader that takes what comes, as a process does that is stopped: its system goes on.
class HungLeader {
 public:
  HungLeader() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in any{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(any);
    EXPECT_EQ(bind(socket_, reinterpret_cast<sockaddr*>(&any), size), 0);
    EXPECT_EQ(listen(socket_, 16), 0);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&any), &size);
    endpoint_ = "127.0.0.1:" + std::to_string(ntohs(any.sin_port));
  }
  ~HungLeader() { close(socket_); }
  const std::string& endpoint() const { return endpoint_; }

 private:
  const int socket_;
  std::string endpoint_;
};

TEST(PeerLink, R14_WhatIsPassedOnAndNotAnsweredHasABound) {
  HungLeader leader;
  Follower follower(leader.endpoint());
  grpc::ServerBuilder builder;
  int port = 0;
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&follower);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  const auto stub = v1::KeyValue::NewStub(grpc::CreateChannel(
      "127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials()));
  v1::SetRequest request;
  request.set_data(std::string(kDataBytes, 'x'));
  constexpr size_t kCalls = limits::kPassedOnBytesMax / kDataBytes + 3;
  std::vector<grpc::Status> answers(kCalls);
  std::vector<std::thread> clients;
  for (grpc::Status& answer : answers) {
    clients.emplace_back([&] {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
      v1::Reply reply;
      answer = stub->Set(&context, request, &reply);
    });
  }
  for (std::thread& client : clients) client.join();
  size_t refused = 0;
  for (const grpc::Status& answer : answers) {
    if (answer.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      ++refused;
    } else {
      EXPECT_EQ(answer.error_code(), grpc::StatusCode::UNAVAILABLE) << answer.error_message();
    }
  }
  EXPECT_GE(refused, 3u);
  // Nothing is left that takes room from the next.
  grpc::ClientContext context;
  v1::Reply reply;
  EXPECT_EQ(stub->Set(&context, request, &reply).error_code(), grpc::StatusCode::UNAVAILABLE);
  server->Shutdown();
}

}  // namespace
}  // namespace tripla
