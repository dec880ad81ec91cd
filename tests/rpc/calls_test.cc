// SPDX-License-Identifier: Apache-2.0
// Calls of all four kinds, by the client of gRPC's own library (R15).
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "health/health.grpc.pb.h"
#include "reflection/reflection.grpc.pb.h"
#include "rpc/health_service.h"
#include "rpc/reflection_service.h"
#include "rpc/rpc_server.h"
#include "testing/testing.grpc.pb.h"
#include "tests/harness/raw_connection.h"
#include "tests/rpc/test_service.h"

namespace tripla {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::string_literals::operator""s;

constexpr size_t kMiB = size_t{1} << 20;

class Calls : public testing::Test {
 protected:
  Calls() { Serve({}); }

  void Serve(const rpc::RpcServer::Options& given) {
    server_ = nullptr;
    rpc::RpcServer::Options options = given;
    options.listen = "127.0.0.1:0";
    auto started = rpc::RpcServer::Start(methods_, options);
    ASSERT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
    channel_ = Channel({});
    stub_ = grpc::testing::TestService::NewStub(channel_);
  }

  std::string endpoint() const { return "127.0.0.1:" + std::to_string(server_->port()); }

  std::shared_ptr<grpc::Channel> Channel(grpc::ChannelArguments arguments) const {
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel(endpoint(), grpc::InsecureChannelCredentials(), arguments);
  }

  rpc::Methods methods_;
  rpc::HealthService health_;
  TestService service_{methods_};
  const bool added_ = [this] {
    health_.AddTo(methods_);
    rpc::AddReflection(methods_);
    return true;
  }();
  std::unique_ptr<rpc::RpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::testing::TestService::Stub> stub_;
};

// A context whose call does not hang a test for ever.
struct Context : grpc::ClientContext {
  explicit Context(milliseconds patience = seconds(60)) {
    set_deadline(std::chrono::system_clock::now() + patience);
  }
};

TEST_F(Calls, UnaryCallsTakeAndGiveMessagesOfAnySize) {
  Serve({.limits = {.message_bytes_max = 20 * kMiB}});
  for (const int size : {0, 1, 65'530, 65'531, 70'000, 300'000, 9'000'000}) {
    SimpleRequest request;
    request.mutable_payload()->set_body(std::string(size, 'x'));
    request.set_response_size(size);
    SimpleResponse response;
    Context context;
    const grpc::Status status = stub_->UnaryCall(&context, request, &response);
    ASSERT_TRUE(status.ok()) << size << ": " << status.error_message();
    EXPECT_EQ(response.payload().body().size(), size);
  }
}

TEST_F(Calls, ManyAtOnceOnOneConnectionAreAnsweredEachWithItsOwn) {
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&, client] {
      for (int i = 0; i < 200; ++i) {
        SimpleRequest request;
        request.set_response_size(client * 1000 + i);
        SimpleResponse response;
        Context context;
        if (i % 4 == 0) context.AddMetadata("x-test-elsewhere", "1");
        const grpc::Status status = stub_->UnaryCall(&context, request, &response);
        ASSERT_TRUE(status.ok()) << status.error_message();
        ASSERT_EQ(response.payload().body().size(), client * 1000 + i);
        ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(answered, 1600);
}

TEST_F(Calls, AServerWithSeveralLoopsAnswersEachConnection) {
  Serve({.loops = 3});
  for (int i = 0; i < 6; ++i) {
    const auto stub = grpc::testing::TestService::NewStub(Channel({}));
    for (const char* elsewhere : {"0", "5"}) {
      Context context;
      context.AddMetadata("x-test-elsewhere", elsewhere);
      SimpleResponse response;
      EXPECT_TRUE(stub->UnaryCall(&context, {}, &response).ok());
    }
  }
}

TEST_F(Calls, AClientsStreamIsReadToItsEnd) {
  Context context;
  grpc::testing::StreamingInputCallResponse response;
  const auto stream = stub_->StreamingInputCall(&context, &response);
  int sum = 0;
  for (int i = 0; i < 300; ++i) {
    grpc::testing::StreamingInputCallRequest request;
    const int size = i % 10 == 0 ? 100'000 : 1'000 + i;
    request.mutable_payload()->set_body(std::string(size, 'x'));
    sum += size;
    ASSERT_TRUE(stream->Write(request));
  }
  ASSERT_TRUE(stream->WritesDone());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(response.aggregated_payload_size(), sum);
}

TEST_F(Calls, AServersStreamComesWholeAndInItsOrder) {
  grpc::testing::StreamingOutputCallRequest request;
  for (int i = 0; i < 200; ++i) request.add_response_parameters()->set_size(i * 1000);
  request.add_response_parameters()->set_interval_us(1000);
  Context context;
  const auto stream = stub_->StreamingOutputCall(&context, request);
  grpc::testing::StreamingOutputCallResponse response;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.payload().body().size(), i * 1000);
  }
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Calls, BothSidesStreamInTurn) {
  Context context;
  const auto stream = stub_->FullDuplexCall(&context);
  for (const int size : {1, 100'000, 0, 3'000'000}) {
    grpc::testing::StreamingOutputCallRequest request;
    request.mutable_payload()->set_body(std::string(size, 'x'));
    request.add_response_parameters()->set_size(size);
    ASSERT_TRUE(stream->Write(request));
    grpc::testing::StreamingOutputCallResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.payload().body().size(), size);
  }
  ASSERT_TRUE(stream->WritesDone());
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(Calls, MetadataGoesBothWaysAndMayBeBytes) {
  Context context;
  context.AddMetadata("x-grpc-test-echo-initial", "as it is");
  context.AddMetadata("x-grpc-test-echo-trailing-bin", "\0\xff\n"s);
  SimpleResponse response;
  ASSERT_TRUE(stub_->UnaryCall(&context, {}, &response).ok());
  const auto& initial = context.GetServerInitialMetadata();
  const auto& trailing = context.GetServerTrailingMetadata();
  ASSERT_EQ(initial.count("x-grpc-test-echo-initial"), 1);
  EXPECT_EQ(initial.find("x-grpc-test-echo-initial")->second, "as it is");
  ASSERT_EQ(trailing.count("x-grpc-test-echo-trailing-bin"), 1);
  EXPECT_EQ(trailing.find("x-grpc-test-echo-trailing-bin")->second, "\0\xff\n"s);
}

TEST_F(Calls, AnErrorHasItsCodeItsTextAndItsDetails) {
  Context context;
  context.AddMetadata("x-test-details", "any bytes");
  SimpleResponse response;
  const grpc::Status status = stub_->UnaryCall(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "no: 100 % é");
  EXPECT_EQ(status.error_details(), "any bytes");
}

TEST_F(Calls, AMethodThatIsNotThereIsUnimplemented) {
  Context context;
  Empty response;
  EXPECT_EQ(stub_->UnimplementedCall(&context, {}, &response).error_code(), grpc::UNIMPLEMENTED);
}

TEST_F(Calls, ACompressedRequestIsUnimplementedUnread) {
  Context context;
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  SimpleRequest request;
  request.mutable_payload()->set_body(std::string(100'000, 'x'));
  SimpleResponse response;
  const grpc::Status status = stub_->UnaryCall(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED);
  EXPECT_NE(status.error_message().find("gzip"), std::string::npos) << status.error_message();
}

TEST_F(Calls, ATooLargeRequestIsRefusedByItsLength) {
  SimpleRequest request;
  request.mutable_payload()->set_body(std::string(5 * kMiB, 'x'));
  Context context;
  SimpleResponse response;
  const grpc::Status status = stub_->UnaryCall(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_NE(status.error_message().find("takes 4194304 at most"), std::string::npos)
      << status.error_message();
  Context another;
  EXPECT_TRUE(stub_->UnaryCall(&another, {}, &response).ok()) << "the connection goes on";
}

TEST_F(Calls, AMethodSaysRefusalsInItsOwnWords) {
  rpc::Methods methods;
  const auto& service = *Empty::descriptor()->file()->FindServiceByName("TestService");
  methods.Add<SimpleRequest>(
      service, "UnaryCall", [](const rpc::CallPtr& call, const SimpleRequest&) { call->Finish(); },
      [](rpc::Call& call, rpc::Refused why, rpc::Status refused) {
        refused.details = why == rpc::Refused::kTooLarge ? "nothing was changed" : "?";
        call.AddTrailingMetadata("x-retry", "never");
        return refused;
      });
  const auto server = rpc::RpcServer::Start(methods, {.listen = "127.0.0.1:0"});
  ASSERT_TRUE(server.ok());
  const auto channel = grpc::CreateChannel("127.0.0.1:" + std::to_string((*server)->port()),
                                           grpc::InsecureChannelCredentials());
  const auto stub = grpc::testing::TestService::NewStub(channel);
  SimpleRequest request;
  request.mutable_payload()->set_body(std::string(5 * kMiB, 'x'));
  Context context;
  SimpleResponse response;
  const grpc::Status status = stub->UnaryCall(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_details(), "nothing was changed");
  EXPECT_EQ(context.GetServerTrailingMetadata().count("x-retry"), 1u);

  // They were called an overload, so that a client came again with the same.
  Context large;
  for (int i = 0; i < 20; ++i) {
    large.AddMetadata("x-large-" + std::to_string(i), std::string(1000, 'x'));
  }
  EXPECT_EQ(stub->UnaryCall(&large, {}, &response).error_details(), "nothing was changed");
}

TEST_F(Calls, AClientThatSaysNothingAtAllIsDisconnected) {
  Serve({.limits = {.greeting_max = milliseconds(100)}});
  const RawConnection silent(endpoint());
  EXPECT_TRUE(silent.AwaitEnd(seconds(30)));
}

TEST_F(Calls, AClientThatDoesNotAnswerAPingIsDisconnectedAndOneThatDoesIsNot) {
  Serve({.limits = {.keepalive = milliseconds(100), .keepalive_timeout = milliseconds(1'000)}});
  ASSERT_TRUE(channel_->WaitForConnected(std::chrono::system_clock::now() + seconds(60)));
  const RawConnection silent(endpoint());
  ASSERT_TRUE(silent.Send(Http2Greeting(65'535)));
  EXPECT_TRUE(silent.AwaitEnd(seconds(60)));
  EXPECT_EQ(channel_->GetState(false), GRPC_CHANNEL_READY);
}

TEST_F(Calls, TooManyHeadersAreRefusedAndTheConnectionGoesOn) {
  grpc::ChannelArguments arguments;
  const auto stub = grpc::testing::TestService::NewStub(Channel(arguments));
  Context context;
  for (int i = 0; i < 20; ++i) {
    context.AddMetadata("x-large-" + std::to_string(i), std::string(1000, 'x'));
  }
  SimpleResponse response;
  EXPECT_EQ(stub->UnaryCall(&context, {}, &response).error_code(), grpc::RESOURCE_EXHAUSTED);
  Context another;
  EXPECT_TRUE(stub->UnaryCall(&another, {}, &response).ok());
}

TEST_F(Calls, BytesThatAreNoMessageAreInvalid) {
  grpc::GenericStub stub(channel_);
  for (const std::string& garbage : {"\xff"s, "\x0a\x7f short"s}) {
    Context context;
    grpc::CompletionQueue queue;
    const grpc::Slice slice(garbage);
    const auto call = stub.PrepareUnaryCall(&context, "/grpc.testing.TestService/UnaryCall",
                                            grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer reply;
    grpc::Status status;
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    ASSERT_TRUE(queue.Next(&tag, &ok));
    EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  }
}

TEST_F(Calls, TheServerEndsACallWhoseDeadlineHasPassed) {
  // A raw client, since gRPC's ends its calls by itself.
  const RawConnection client(endpoint());
  ASSERT_TRUE(client.Send(Http2Greeting(65'535)));
  const std::string headers = CallHeaders("/grpc.testing.TestService/FullDuplexCall", 1);
  const std::string timeout = "\0\x0cgrpc-timeout\x03"s + "50m";
  std::string block = headers.substr(9) + timeout;
  ASSERT_TRUE(client.Send(Http2Frame(http2::kHeaders, http2::kEndHeaders, 1, block)));
  std::string frame;
  do {
    frame = client.ReadFrame(seconds(30));
  } while (!frame.empty() && frame[3] != http2::kHeaders);
  ASSERT_FALSE(frame.empty());
  EXPECT_TRUE(frame[4] & http2::kEndStream);
}

TEST_F(Calls, AHandlerIsToldThatItsClientHasGone) {
  {
    Context context;
    context.AddMetadata("x-test-elsewhere", "60000");
    SimpleResponse response;
    auto call = std::async(std::launch::async,
                           [&] { return stub_->UnaryCall(&context, {}, &response).error_code(); });
    // The one after it on the connection is answered when the first has arrived.
    std::this_thread::sleep_for(milliseconds(50));
    Context another;
    Empty empty;
    ASSERT_TRUE(stub_->EmptyCall(&another, {}, &empty).ok());
    context.TryCancel();
    EXPECT_EQ(call.get(), grpc::CANCELLED);
  }
  const auto patience = steady_clock::now() + seconds(60);
  while (service_.cancelled() == 0 && steady_clock::now() < patience) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(service_.cancelled(), 1);
  // Or the server's stop would wait for the answer.
  service_.AnswerAll();
}

TEST_F(Calls, AStopAnswersWhatIsInFlightAndTakesNoMore) {
  std::vector<std::future<grpc::StatusCode>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(std::async(std::launch::async, [this] {
      Context context;
      context.AddMetadata("x-test-elsewhere", "300");
      SimpleResponse response;
      return stub_->UnaryCall(&context, {}, &response).error_code();
    }));
  }
  const auto patience = steady_clock::now() + seconds(60);
  while (service_.waiting() < 20 && steady_clock::now() < patience) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  const auto begin = steady_clock::now();
  server_->Stop(seconds(30));
  EXPECT_LT(steady_clock::now() - begin, seconds(20)) << "it does not wait longer than it must";
  for (auto& call : calls) EXPECT_EQ(call.get(), grpc::OK);
  Context context(seconds(1));
  SimpleResponse response;
  EXPECT_FALSE(stub_->UnaryCall(&context, {}, &response).ok());
}

TEST_F(Calls, AStopDoesNotWaitForClientsThatAreIdleOrSilent) {
  const RawConnection silent(endpoint());
  const RawConnection idle(endpoint());
  ASSERT_TRUE(idle.Send(Http2Greeting(65'535)));
  ASSERT_TRUE(idle.AwaitRead());
  Context context;
  SimpleResponse response;
  ASSERT_TRUE(stub_->UnaryCall(&context, {}, &response).ok());
  const auto begin = steady_clock::now();
  server_->Stop(seconds(60));
  EXPECT_LT(steady_clock::now() - begin, seconds(30));
}

TEST_F(Calls, AStopCancelsWhatIsNotAnsweredInTime) {
  auto call = std::async(std::launch::async, [this] {
    Context context;
    const auto stream = stub_->FullDuplexCall(&context);
    stream->Write({});
    return stream->Finish().error_code();
  });
  const auto begin = steady_clock::now();
  server_->Stop(milliseconds(200));
  EXPECT_LT(steady_clock::now() - begin, seconds(20));
  EXPECT_NE(call.get(), grpc::OK);
}

TEST_F(Calls, AnOldConnectionIsReplacedWithoutAFailedCall) {
  Serve({.limits = {.age = milliseconds(100), .age_grace = seconds(30)}});
  const auto end = steady_clock::now() + seconds(1);
  std::string peers;
  int calls = 0;
  while (steady_clock::now() < end) {
    Context context;
    context.set_wait_for_ready(true);
    SimpleResponse response;
    const grpc::Status status = stub_->UnaryCall(&context, {}, &response);
    ASSERT_TRUE(status.ok()) << status.error_message() << " after " << calls;
    ++calls;
  }
  EXPECT_GT(calls, 10);
}

TEST_F(Calls, HealthIsToldAndWatched) {
  const auto stub = grpc::health::v1::Health::NewStub(channel_);
  const auto check = [&](const std::string& service) {
    Context context;
    HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    const grpc::Status status = stub->Check(&context, request, &response);
    return status.ok() ? static_cast<int>(response.status()) : -status.error_code();
  };
  EXPECT_EQ(check(""), HealthCheckResponse::SERVING);
  EXPECT_EQ(check("some"), -grpc::NOT_FOUND);
  health_.Set("some", false);
  EXPECT_EQ(check("some"), HealthCheckResponse::NOT_SERVING);

  Context context;
  HealthCheckRequest request;
  request.set_service("other");
  const auto watch = stub->Watch(&context, request);
  HealthCheckResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVICE_UNKNOWN);
  health_.Set("some", true);
  health_.Set("other", true);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::SERVING);
  health_.Set("other", true);
  health_.Set("other", false);
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.status(), HealthCheckResponse::NOT_SERVING);
  health_.EndWatches();
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_EQ(watch->Finish().error_code(), grpc::UNAVAILABLE);
}

// What the reflection service of this version answers.
grpc::reflection::v1::ServerReflectionResponse AskReflection(
    const std::shared_ptr<grpc::Channel>& channel, const std::string& version,
    const grpc::reflection::v1::ServerReflectionRequest& request) {
  Context context;
  grpc::GenericStub stub(channel);
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(
      &context, "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo", &queue);
  call->StartCall(nullptr);
  next();
  const grpc::Slice bytes(request.SerializeAsString());
  call->WriteLast(grpc::ByteBuffer(&bytes, 1), {}, nullptr);
  next();
  grpc::ByteBuffer reply;
  call->Read(&reply, nullptr);
  grpc::reflection::v1::ServerReflectionResponse response;
  grpc::Slice slice;
  if (next() && reply.DumpToSingleSlice(&slice).ok()) {
    response.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

TEST_F(Calls, S20_ReflectionListsAndDescribesAllServicesAndItself) {
  for (const char* version : {"v1", "v1alpha"}) {
    grpc::reflection::v1::ServerReflectionRequest list;
    list.set_list_services("*");
    const auto listed = AskReflection(channel_, version, list).list_services_response();
    std::vector<std::string> names;
    for (const auto& service : listed.service()) {
      names.push_back(service.name());
      grpc::reflection::v1::ServerReflectionRequest describe;
      describe.set_file_containing_symbol(service.name());
      const auto described = AskReflection(channel_, version, describe);
      EXPECT_GT(described.file_descriptor_response().file_descriptor_proto_size(), 0)
          << version << " " << service.name();
    }
    EXPECT_EQ(names, (std::vector<std::string>{
                         "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                         "grpc.reflection.v1alpha.ServerReflection", "grpc.testing.TestService"}));
    grpc::reflection::v1::ServerReflectionRequest unknown;
    unknown.set_file_containing_symbol("no.such.Thing");
    EXPECT_EQ(AskReflection(channel_, version, unknown).error_response().error_code(),
              grpc::NOT_FOUND);
  }
}

}  // namespace
}  // namespace tripla
