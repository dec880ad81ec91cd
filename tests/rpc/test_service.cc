// SPDX-License-Identifier: Apache-2.0
#include "tests/rpc/test_service.h"

#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tripla {

using grpc::testing::EchoStatus;
using grpc::testing::Empty;
using grpc::testing::SimpleRequest;
using grpc::testing::SimpleResponse;
using grpc::testing::StreamingInputCallRequest;
using grpc::testing::StreamingInputCallResponse;
using grpc::testing::StreamingOutputCallRequest;
using grpc::testing::StreamingOutputCallResponse;

namespace {

void Echo(rpc::Call& call) {
  constexpr char kInitial[] = "x-grpc-test-echo-initial";
  constexpr char kTrailing[] = "x-grpc-test-echo-trailing-bin";
  if (const auto value = call.FindMetadata(kInitial)) {
    call.AddInitialMetadata(kInitial, std::string(*value));
  }
  if (const auto value = call.FindMetadata(kTrailing)) {
    call.AddTrailingMetadata(kTrailing, std::string(*value));
  }
}

rpc::Status StatusOf(const EchoStatus& status) {
  return {static_cast<absl::StatusCode>(status.code()), status.message()};
}

// Adds up the sizes of what the client sends.
void Sum(const rpc::CallPtr& call, int so_far) {
  call->Read([=](const std::optional<std::string>& bytes) {
    if (!bytes) {
      StreamingInputCallResponse response;
      response.set_aggregated_payload_size(so_far);
      return call->Reply(response);
    }
    StreamingInputCallRequest request;
    if (!request.ParseFromString(*bytes)) return call->Finish(rpc::UnreadableRequest());
    Sum(call, so_far + static_cast<int>(request.payload().body().size()));
  });
}

}  // namespace

// The answers to one request of a stream, one after the other.
struct TestService::Answers {
  rpc::CallPtr call;
  StreamingOutputCallRequest request;
  int next = 0;
  std::function<void(bool)> done;
};

TestService::TestService(rpc::Methods& methods) : thread_([this] { Run(); }) {
  const auto& service = *Empty::descriptor()->file()->FindServiceByName("TestService");
  methods.Add<Empty>(service, "EmptyCall", [](rpc::CallPtr call, const Empty& request) {
    Echo(*call);
    call->Reply(request);
  });
  for (const char* const name : {"UnaryCall", "CacheableUnaryCall"}) {
    methods.Add<SimpleRequest>(
        service, name, [this](rpc::CallPtr call, SimpleRequest request) { Unary(call, request); });
  }
  methods.Add<StreamingOutputCallRequest>(
      service, "StreamingOutputCall", [this](rpc::CallPtr call, StreamingOutputCallRequest asked) {
        Echo(*call);
        SendNext(std::make_shared<Answers>(Answers{
            .call = call, .request = std::move(asked), .done = [call](bool) { call->Finish(); }}));
      });
  methods.AddStream(service, "StreamingInputCall", [](const rpc::CallPtr& call) { Sum(call, 0); });
  for (const char* const name : {"FullDuplexCall", "HalfDuplexCall"}) {
    methods.AddStream(service, name, [this](const rpc::CallPtr& call) {
      Echo(*call);
      Duplex(call);
    });
  }
}

TestService::~TestService() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

int TestService::cancelled() {
  MutexLock lock(mutex_);
  return cancelled_;
}

int TestService::waiting() {
  MutexLock lock(mutex_);
  return static_cast<int>(later_.size());
}

void TestService::AnswerAll() {
  MutexLock lock(mutex_);
  while (!later_.empty() && later_.rbegin()->first != Clock::time_point::min()) {
    auto last = later_.extract(std::prev(later_.end()));
    last.key() = Clock::time_point::min();
    later_.insert(std::move(last));
  }
  changed_.NotifyAll();
}

void TestService::Unary(const rpc::CallPtr& call, const SimpleRequest& request) {
  Echo(*call);
  if (const auto details = call->FindMetadata("x-test-details")) {
    return call->Finish(
        {absl::StatusCode::kFailedPrecondition, "no: 100 % é", std::string(*details)});
  }
  if (request.has_response_status()) return call->Finish(StatusOf(request.response_status()));
  SimpleResponse response;
  response.mutable_payload()->set_body(std::string(request.response_size(), '\0'));
  const auto elsewhere = call->FindMetadata("x-test-elsewhere");
  if (!elsewhere) return call->Reply(response);
  call->OnCancel([this] {
    MutexLock lock(mutex_);
    ++cancelled_;
  });
  Later(std::chrono::milliseconds(std::stoi(std::string(*elsewhere))),
        [call, response] { call->Reply(response); });
}

void TestService::SendNext(const std::shared_ptr<Answers>& answers) {
  if (answers->next == answers->request.response_parameters_size()) return answers->done(true);
  const auto& asked = answers->request.response_parameters(answers->next++);
  const auto send = [this, answers, size = asked.size()] {
    StreamingOutputCallResponse response;
    response.mutable_payload()->set_body(std::string(size, '\0'));
    answers->call->Write(response, [this, answers](bool sent) {
      if (!sent) return answers->done(false);
      SendNext(answers);
    });
  };
  if (asked.interval_us() == 0) return send();
  Later(std::chrono::microseconds(asked.interval_us()), send);
}

void TestService::Duplex(const rpc::CallPtr& call) {
  call->Read([=, this](const std::optional<std::string>& bytes) {
    if (!bytes) return call->Finish();
    StreamingOutputCallRequest request;
    if (!request.ParseFromString(*bytes)) return call->Finish(rpc::UnreadableRequest());
    if (request.has_response_status()) return call->Finish(StatusOf(request.response_status()));
    SendNext(std::make_shared<Answers>(
        Answers{.call = call, .request = std::move(request), .done = [=, this](bool sent) {
                  if (!sent) return call->Finish();
                  Duplex(call);
                }}));
  });
}

void TestService::Later(Clock::duration delay, std::function<void()> work) {
  MutexLock lock(mutex_);
  later_.emplace(Clock::now() + delay, std::move(work));
  changed_.NotifyAll();
}

void TestService::Run() {
  while (true) {
    std::vector<std::function<void()>> due;
    {
      MutexLock lock(mutex_);
      if (stop_) return;
      const auto now = Clock::now();
      while (!later_.empty() && later_.begin()->first <= now) {
        due.push_back(std::move(later_.begin()->second));
        later_.erase(later_.begin());
      }
      if (due.empty() && later_.empty()) changed_.Wait(mutex_);
      if (due.empty() && !later_.empty()) changed_.WaitUntil(mutex_, later_.begin()->first);
    }
    for (const auto& work : due) work();
  }
}

}  // namespace tripla
