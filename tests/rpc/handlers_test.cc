// SPDX-License-Identifier: Apache-2.0
// What handlers of calls rely on: large requests come off the loop, the end of a stream is told,
// and a call can be cut off.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "rpc/large_requests.h"
#include "rpc/rpc_server.h"
#include "testing/testing.grpc.pb.h"
#include "tests/harness/raw_connection.h"

namespace tripla {
namespace {

using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::string_literals::operator""s;

constexpr seconds kPatience{60};
constexpr char kUnary[] = "/grpc.testing.TestService/UnaryCall";

// Counts up to what is awaited.
class Counter {
 public:
  void Add() {
    MutexLock lock(mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  // False when it takes too long.
  bool Await(int count, std::chrono::milliseconds patience = kPatience) {
    const auto deadline = steady_clock::now() + patience;
    MutexLock lock(mutex_);
    while (count_ < count && steady_clock::now() < deadline) changed_.WaitUntil(mutex_, deadline);
    return count_ >= count;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A server whose only method does what the test says.
class Handlers : public testing::Test {
 protected:
  Handlers() {
    methods_.Add<SimpleRequest>(
        *SimpleRequest::descriptor()->file()->FindServiceByName("TestService"), "UnaryCall",
        [this](rpc::CallPtr call, SimpleRequest request) {
          handler_(std::move(call), std::move(request));
        });
    server_ = *rpc::RpcServer::Start(
        methods_, {.listen = "127.0.0.1:0", .limits = {.message_bytes_max = 64 << 20}});
  }

  [[nodiscard]] std::string endpoint() const {
    return "127.0.0.1:" + std::to_string(server_->port());
  }

  grpc::Status Call(size_t bytes) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    const auto stub = grpc::testing::TestService::NewStub(
        grpc::CreateCustomChannel(endpoint(), grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    SimpleRequest request;
    request.mutable_payload()->set_body(std::string(bytes, 'x'));
    SimpleResponse response;
    return stub->UnaryCall(&context, request, &response);
  }

  rpc::Methods methods_;
  std::function<void(rpc::CallPtr, SimpleRequest)> handler_ =
      [](const rpc::CallPtr& call, const SimpleRequest&) { call->Reply(SimpleResponse()); };
  std::unique_ptr<rpc::RpcServer> server_;
};

bool IsLarge(const SimpleRequest& request) {
  return request.payload().body().size() >= rpc::LargeRequests::kBytesMin;
}

TEST_F(Handlers, ALargeRequestHoldsUpNoOther) {
  Counter begun;
  Counter small;
  handler_ = [&](const rpc::CallPtr& call, const SimpleRequest& request) {
    if (IsLarge(request)) {
      begun.Add();
      EXPECT_TRUE(small.Await(1)) << "the loop waits";
    } else {
      small.Add();
    }
    call->Reply(SimpleResponse());
  };
  std::thread large([&] { EXPECT_TRUE(Call(rpc::LargeRequests::kBytesMin).ok()); });
  EXPECT_TRUE(begun.Await(1));
  EXPECT_TRUE(Call(1).ok());
  large.join();
}

TEST_F(Handlers, LargeRequestsThatHaveArrivedAreAnsweredAtAStop) {
  constexpr int kCalls = 8;
  Counter begun;
  Counter go_on;
  handler_ = [&](const rpc::CallPtr& call, const SimpleRequest&) {
    begun.Add();
    EXPECT_TRUE(go_on.Await(1));
    call->Reply(SimpleResponse());
  };
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < kCalls; ++i) {
    clients.emplace_back([&] { answered += Call(2 << 20).ok() ? 1 : 0; });
  }
  EXPECT_TRUE(begun.Await(1));
  // The others are there, and wait for the first.
  std::this_thread::sleep_for(seconds(1));
  std::thread stop([&] { server_->Stop(kPatience); });
  go_on.Add();
  stop.join();
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, kCalls);
}

TEST_F(Handlers, TheEndOfAStreamIsToldOnceItsAnswerIsTaken) {
  Counter closed;
  handler_ = [&](const rpc::CallPtr& call, const SimpleRequest&) {
    call->OnClosed([&] { closed.Add(); });
    call->Reply(SimpleResponse());
  };
  EXPECT_TRUE(Call(1).ok());
  EXPECT_TRUE(closed.Await(1));
}

TEST_F(Handlers, ACallWhoseAnswerIsNotTakenIsOpenUntilItIsCutOff) {
  Counter closed;
  std::optional<rpc::CallPtr> taken;
  Counter answered;
  handler_ = [&](const rpc::CallPtr& call, const SimpleRequest&) {
    call->OnClosed([&] { closed.Add(); });
    SimpleResponse response;
    response.mutable_payload()->set_body(std::string(1 << 20, 'x'));
    call->Reply(response);
    taken = call;
    answered.Add();
  };
  const RawConnection deaf(endpoint());
  ASSERT_TRUE(deaf.Send(Http2Greeting(65'535) + CallHeaders(kUnary, 1) + CallMessage("", 0, 1)));
  ASSERT_TRUE(answered.Await(1));
  EXPECT_FALSE(closed.Await(1, std::chrono::milliseconds(300)));
  (*taken)->CutOff();
  EXPECT_TRUE(closed.Await(1));
  std::string frame;
  do {
    frame = deaf.ReadFrame(kPatience);
    ASSERT_NE(frame, "");
  } while (frame[3] != http2::kRstStream);
  EXPECT_EQ(frame.substr(9), BigEndian(8)) << "CANCEL";
  EXPECT_TRUE(Call(1).ok()) << "others are served";
  (*taken)->CutOff();  // once more does nothing
}

TEST_F(Handlers, WhoAsksAfterTheEndIsToldAtOnce) {
  Counter begun;
  std::optional<rpc::CallPtr> taken;
  handler_ = [&](const rpc::CallPtr& call, const SimpleRequest&) {
    taken = call;
    begun.Add();
  };
  Counter closed;
  {
    const RawConnection gone(endpoint());
    ASSERT_TRUE(gone.Send(Http2Greeting(65'535) + CallHeaders(kUnary, 1) + CallMessage("", 0, 1)));
    ASSERT_TRUE(begun.Await(1));
  }
  while (!(*taken)->cancelled()) std::this_thread::yield();
  (*taken)->OnClosed([&] { closed.Add(); });
  EXPECT_TRUE(closed.Await(1));
  (*taken)->Finish();
}

// Some clients in Go send it so.
TEST_F(Handlers, ACallWithAnEmptyAuthorityIsTakenAndOneWithoutAPathIsReset) {
  const RawConnection client(endpoint());
  const std::string path = "\x04"s + static_cast<char>(sizeof(kUnary) - 1) + kUnary;
  const std::string type = "\0\x0c"s + "content-type" + "\x10" + "application/grpc";
  const auto call = [](uint32_t stream, const std::string& headers) {
    return Http2Frame(http2::kHeaders, http2::kEndHeaders, stream, "\x83\x86"s + headers) +
           CallMessage("", 0, stream);
  };
  const auto next = [&] {
    std::string frame;
    do {
      frame = client.ReadFrame(kPatience);
    } while (!frame.empty() && frame[3] != http2::kHeaders && frame[3] != http2::kRstStream);
    return frame;
  };
  ASSERT_TRUE(client.Send(Http2Greeting(65'535) + call(1, path + "\x01\0"s + type)));
  const std::string answer = next();
  ASSERT_GE(answer.size(), 9u);
  EXPECT_EQ(answer[3], http2::kHeaders);
  ASSERT_TRUE(client.Send(call(3, type)));
  std::string reset;
  do {
    reset = next();
  } while (!reset.empty() && reset[8] != 3);
  ASSERT_GE(reset.size(), 13u);
  EXPECT_EQ(reset[3], http2::kRstStream);
  EXPECT_EQ(reset.substr(9), BigEndian(1)) << "PROTOCOL_ERROR";
}

}  // namespace
}  // namespace tripla
