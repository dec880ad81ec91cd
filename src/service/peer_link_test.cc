// SPDX-License-Identifier: Apache-2.0
#include "service/peer_link.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rpc/rpc_server.h"
#include "service/pushback.h"
#include "service/status_mapping.h"
#include "tripla/v1/rpc_status.pb.h"

namespace tripla {
namespace {

constexpr std::chrono::seconds kPatience{20};
constexpr size_t kDataBytes = size_t{64} << 10;
constexpr size_t kPassedOnMax = 10;
constexpr size_t kBytesMax = kPassedOnMax * (kDataBytes + 100);

// A server with one method, Set, on its own port.
struct Running {
  explicit Running(std::function<void(rpc::CallPtr, v1::SetRequest)> set) {
    methods.Add<v1::SetRequest>(
        *v1::SetRequest::descriptor()->file()->FindServiceByName("KeyValue"), "Set",
        std::move(set));
    server = *rpc::RpcServer::Start(methods, {.listen = "127.0.0.1:0"});
    endpoint = "127.0.0.1:" + std::to_string(server->port());
  }
  void Stop() const { server->Stop(std::chrono::seconds(1)); }

  rpc::Methods methods;
  std::unique_ptr<rpc::RpcServer> server;
  std::string endpoint;
};

// Takes calls and answers them when the test says so.
class SlowLeader {
 public:
  void Set(const rpc::CallPtr& call) {
    MutexLock lock(mutex_);
    waiting_.push_back(call);
    came_.NotifyAll();
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
    std::vector<rpc::CallPtr> waiting;
    {
      MutexLock lock(mutex_);
      waiting.swap(waiting_);
    }
    for (const rpc::CallPtr& call : waiting) call->Reply(v1::Reply());
  }

 private:
  Mutex mutex_;
  Condition came_;
  std::vector<rpc::CallPtr> waiting_ ABSL_GUARDED_BY(mutex_);
};

// Forwards every call.
class Follower {
 public:
  explicit Follower(std::string leader) : leader_(std::move(leader)) {}

  void Set(rpc::CallPtr call, v1::SetRequest request) {
    peers_.PassOn(leader_, std::make_shared<PendingCall>(std::move(call), unsent_),
                  std::move(request));
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
  const Running leading([&](const rpc::CallPtr& call, const v1::SetRequest&) { leader.Set(call); });
  Follower follower(leading.endpoint);
  const Running following([&](rpc::CallPtr call, v1::SetRequest request) {
    follower.Set(std::move(call), std::move(request));
  });
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
  following.Stop();
  leading.Stop();
}

TEST(PeerLink, C14_AWriteIsGivenUpOnceAnotherServerHasLedForASecond) {
  SlowLeader former;
  const Running leading([&](const rpc::CallPtr& call, const v1::SetRequest&) { former.Set(call); });
  Follower follower(leading.endpoint);
  const Running following([&](rpc::CallPtr call, v1::SetRequest request) {
    follower.Set(std::move(call), std::move(request));
  });
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
  following.Stop();
  leading.Stop();
}

}  // namespace
}  // namespace tripla
