// SPDX-License-Identifier: Apache-2.0
#include "service/peer_link.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "service/pushback.h"
#include "service/status_mapping.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla {
namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr size_t kDataBytes = size_t{64} << 10;
constexpr size_t kPassedOnMax = 10;
constexpr size_t kBytesMax = kPassedOnMax * (kDataBytes + 100);

// A server of this service, on its own port.
struct Running {
  explicit Running(v1::KeyValue::CallbackService& service) {
    grpc::ServerBuilder builder;
    int port = 0;
    // As a server has it: or gRPC ends a connection whose client looks whether it lives.
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
    endpoint = "127.0.0.1:" + std::to_string(port);
  }

  std::unique_ptr<grpc::Server> server;
  std::string endpoint;
};

// Takes calls and answers them when the test says so.
class SlowLeader : public v1::KeyValue::CallbackService {
 public:
  grpc::ServerUnaryReactor* Set(grpc::CallbackServerContext* context, const v1::SetRequest*,
                                v1::Reply*) override {
    MutexLock lock(mutex_);
    waiting_.push_back(context->DefaultReactor());
    came_.NotifyAll();
    return waiting_.back();
  }

  // False when they do not come.
  bool AwaitCalls(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (waiting_.size() < count && std::chrono::steady_clock::now() < deadline) {
      came_.WaitUntil(mutex_, deadline);
    }
    return waiting_.size() == count;
  }

  void AnswerAll() {
    std::vector<grpc::ServerUnaryReactor*> waiting;
    {
      MutexLock lock(mutex_);
      waiting.swap(waiting_);
    }
    for (grpc::ServerUnaryReactor* call : waiting) call->Finish(grpc::Status::OK);
  }

 private:
  Mutex mutex_;
  Condition came_;
  std::vector<grpc::ServerUnaryReactor*> waiting_ ABSL_GUARDED_BY(mutex_);
};

// Forwards every call.
class Follower : public v1::KeyValue::CallbackService {
 public:
  explicit Follower(std::string leader) : leader_(std::move(leader)) {}

  grpc::ServerUnaryReactor* Set(grpc::CallbackServerContext* context, const v1::SetRequest* request,
                                v1::Reply* reply) override {
    auto* pending = new PendingCall(context, unsent_, request->ByteSizeLong());
    peers_.PassOn(leader_, *pending, *request, *reply);
    return pending;
  }

  PeerLink& peers() { return peers_; }

 private:
  const std::string leader_;
  UnsentReplies unsent_;
  PeerLink peers_{kBytesMax};
};

// Calls of one client that end in any order.
class Calls {
 public:
  explicit Calls(const std::string& endpoint)
      : stub_(v1::KeyValue::NewStub(
            grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials()))) {
    request_.set_data(std::string(kDataBytes, 'x'));
  }

  void Begin() {
    auto* call = new Call;
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    stub_->async()->Set(&call->context, &request_, &call->reply, [this, call](grpc::Status status) {
      MutexLock lock(mutex_);
      if (!status.ok()) Keep(status, call->context);
      delete call;
      ended_.push_back(status.error_code());
      changed_.NotifyAll();
    });
  }

  // Fewer when they do not end.
  std::vector<grpc::StatusCode> AwaitEnds(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    MutexLock lock(mutex_);
    while (ended_.size() < count && std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(mutex_, deadline);
    }
    return std::exchange(ended_, {});
  }

  v1::Undecided last_refusal() {
    MutexLock lock(mutex_);
    return last_refusal_;
  }
  bool last_refusal_advised() {
    MutexLock lock(mutex_);
    return advised_;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::Reply reply;
  };

  void Keep(const grpc::Status& status, const grpc::ClientContext& context)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    v1::RpcStatus detailed;
    EXPECT_TRUE(detailed.ParseFromString(status.error_details()));
    ASSERT_EQ(detailed.details_size(), 1);
    EXPECT_TRUE(detailed.details(0).UnpackTo(&last_refusal_));
    advised_ = context.GetServerTrailingMetadata().contains(kPushbackMetadata);
  }

  const std::unique_ptr<v1::KeyValue::Stub> stub_;
  v1::SetRequest request_;
  Mutex mutex_;
  Condition changed_;
  std::vector<grpc::StatusCode> ended_ ABSL_GUARDED_BY(mutex_);
  v1::Undecided last_refusal_ ABSL_GUARDED_BY(mutex_);
  bool advised_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST(PeerLink, R14_WhatIsPassedOnAndNotAnsweredHasABound) {
  SlowLeader leader;
  const Running leading(leader);
  Follower follower(leading.endpoint);
  const Running following(follower);
  Calls calls(following.endpoint);
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 0; i < kPassedOnMax; ++i) calls.Begin();
    EXPECT_TRUE(leader.AwaitCalls(kPassedOnMax));
    calls.Begin();
    EXPECT_EQ(calls.AwaitEnds(1), std::vector{grpc::StatusCode::RESOURCE_EXHAUSTED});
    EXPECT_EQ(calls.last_refusal().reason(), v1::Undecided::OVERLOADED);
    EXPECT_EQ(calls.last_refusal().applied(), v1::Undecided::NO);
    EXPECT_TRUE(calls.last_refusal_advised()) << "the client would not come back";
    // Those that are answered make room.
    leader.AnswerAll();
    EXPECT_EQ(calls.AwaitEnds(kPassedOnMax), std::vector(kPassedOnMax, grpc::StatusCode::OK));
  }
  following.server->Shutdown();
  leading.server->Shutdown();
}

TEST(PeerLink, C14_AWriteIsGivenUpOnceAnotherServerHasLedForASecond) {
  SlowLeader former;
  const Running leading(former);
  Follower follower(leading.endpoint);
  const Running following(follower);
  Calls calls(following.endpoint);
  follower.peers().SetLeader(leading.endpoint);
  calls.Begin();
  EXPECT_TRUE(former.AwaitCalls(1));
  std::atomic<bool> ended = false;
  const auto begun = std::chrono::steady_clock::now();
  std::thread looks([&] {
    while (!ended) {
      follower.peers().SetLeader("127.0.0.1:1");
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  });
  EXPECT_EQ(calls.AwaitEnds(1), std::vector{grpc::StatusCode::UNAVAILABLE});
  ended = true;
  looks.join();
  EXPECT_GE(std::chrono::steady_clock::now() - begun, PeerLink::kFormerLeaderPatience)
      << "one that hands over answers what it has taken";
  EXPECT_EQ(calls.last_refusal().applied(), v1::Undecided::UNKNOWN);
  former.AnswerAll();
  following.server->Shutdown();
  leading.server->Shutdown();
}

}  // namespace
}  // namespace tripla
