// SPDX-License-Identifier: Apache-2.0
#include "check/caller.h"

#include <fmt/core.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include "cli/escape.h"
#include "client/attempt.h"
#include "client/backoff.h"
#include "client/connection.h"

namespace tripla::check {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kBackoffMin{10};
constexpr milliseconds kBackoffMax{500};

bool MayBeSentTwice(const v1::Operation& request) {
  return EffectOf(request) == Effect::kReads || RequestIdOf(request) != nullptr;
}

}  // namespace

struct Caller::Connection {
  explicit Connection(const std::string& endpoint)
      : channel(OpenChannel(endpoint)),
        key_value(v1::KeyValue::NewStub(channel)),
        admin(v1::Admin::NewStub(channel)),
        health(grpc::health::v1::Health::NewStub(channel)) {}

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::KeyValue::Stub> key_value;
  std::unique_ptr<v1::Admin::Stub> admin;
  std::unique_ptr<grpc::health::v1::Health::Stub> health;
};

Caller::Caller(const std::vector<std::string>& endpoints, milliseconds timeout,
               std::shared_ptr<RequestIds> ids, Traffic& traffic)
    : timeout_(timeout), ids_(std::move(ids)), traffic_(traffic) {
  for (const std::string& endpoint : endpoints) {
    connections_.push_back(std::make_unique<Connection>(endpoint));
  }
  // Callers of one run begin at different endpoints.
  turn_ = std::random_device()();
}

Caller::~Caller() = default;

Caller::Connection& Caller::Next() { return *connections_[turn_++ % connections_.size()]; }

template <typename Message, typename Attempt>
Told<Message> Caller::Try(RunningCalls::Registration& call, milliseconds timeout, Effect effect,
                          const Attempt& attempt) {
  Told<Message> told;
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(timeout));
  {
    const RunningCalls::Attempt running(call, context);
    if (traffic_.stopped()) {
      told.status = {grpc::StatusCode::CANCELLED, "the run was stopped"};
      told.error.failure.code = absl::StatusCode::kCancelled;
      return told;
    }
    traffic_.CountAttempt();
    told.status = attempt(context, &told.reply);
  }
  if (!told.ok()) told.error = ReadFailure(told.status, context, effect);
  return told;
}

ToldReply Caller::Send(RunningCalls::Registration& call, const v1::Operation& request,
                       milliseconds timeout) {
  return Try<v1::Reply>(call, timeout, EffectOf(request), [&](auto& context, v1::Reply* reply) {
    return SendOperation(*Next().key_value, context, request, reply);
  });
}

ToldBatch Caller::SendBatch(RunningCalls::Registration& call, const v1::BatchRequest& request) {
  return Try<v1::BatchReply>(call, timeout_, EffectOf(request),
                             [&](auto& context, v1::BatchReply* reply) {
                               return Next().key_value->Batch(&context, request, reply);
                             });
}

ToldReply Caller::Send(const v1::Operation& request) { return Send(request, timeout_); }

ToldReply Caller::Send(const v1::Operation& request, milliseconds timeout) {
  RunningCalls::Registration call(traffic_.running());
  return Send(call, request, timeout);
}

ToldBatch Caller::SendBatch(const v1::BatchRequest& request) {
  RunningCalls::Registration call(traffic_.running());
  return SendBatch(call, request);
}

template <typename Attempt>
auto Caller::Repeat(bool safe, const Attempt& attempt) {
  const Clock::time_point deadline = Clock::now() + timeout_;
  Backoff backoff(kBackoffMin, kBackoffMax, std::random_device()());
  RunningCalls::Registration call(traffic_.running());
  int attempts = 0;
  while (true) {
    auto told = attempt(call);
    told.attempts = ++attempts;
    if (told.ok() || !told.error.worth_retrying) return told;
    if (!safe && told.error.failure.applied != Failure::Applied::kNo) return told;
    Clock::duration wait = backoff.Next();
    if (told.error.failure.retry_after) {
      wait = std::max<Clock::duration>(wait, *told.error.failure.retry_after);
    }
    const Clock::time_point until = Clock::now() + wait;
    if (until >= deadline) return told;
    // gRPC makes a connection only while a thread waits inside it; asleep, all attempts would fail.
    Connect(std::chrono::ceil<milliseconds>(wait));
    if (!call.Sleep(until)) return told;
  }
}

Told<v1::StatusReply> Caller::Status(size_t endpoint) {
  return Repeat(true, [&](RunningCalls::Registration& call) {
    return Try<v1::StatusReply>(call, timeout_, Effect::kReads,
                                [&](auto& context, v1::StatusReply* reply) {
                                  return connections_[endpoint]->admin->Status(&context, {}, reply);
                                });
  });
}

Told<v1::SnapshotReply> Caller::Snapshot(size_t endpoint, milliseconds patience) {
  return Repeat(true, [&](RunningCalls::Registration& call) {
    return Try<v1::SnapshotReply>(
        call, patience, Effect::kReads, [&](auto& context, v1::SnapshotReply* reply) {
          return connections_[endpoint]->admin->Snapshot(&context, {}, reply);
        });
  });
}

Told<grpc::health::v1::HealthCheckResponse> Caller::Health(size_t endpoint,
                                                           const std::string& service) {
  using Response = grpc::health::v1::HealthCheckResponse;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(service);
  return Repeat(true, [&](RunningCalls::Registration& call) {
    return Try<Response>(call, timeout_, Effect::kReads, [&](auto& context, Response* reply) {
      return connections_[endpoint]->health->Check(&context, request, reply);
    });
  });
}

ToldReply Caller::Settle(const v1::Operation& request) {
  return Repeat(MayBeSentTwice(request),
                [&](RunningCalls::Registration& call) { return Send(call, request, timeout_); });
}

ToldBatch Caller::SettleBatch(const v1::BatchRequest& request) {
  return Repeat(std::ranges::all_of(request.operations(), MayBeSentTwice),
                [&](RunningCalls::Registration& call) { return SendBatch(call, request); });
}

bool Caller::Connect(milliseconds patience) {
  // gRPC cannot be woken from this wait: it is cut in slices, so that a stop is heard.
  constexpr milliseconds kSlice{50};
  const auto& channel = connections_[turn_ % connections_.size()]->channel;
  const Clock::time_point deadline = Clock::now() + patience;
  while (!traffic_.stopped()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    if (channel->WaitForConnected(DeadlineAfter(std::clamp(left, milliseconds(0), kSlice)))) {
      return true;
    }
    if (left <= kSlice) break;
  }
  return false;
}

std::string Caller::WhyNotConnected(size_t endpoint) const {
  const auto& channel = connections_[endpoint]->channel;
  if (channel->GetState(false) == GRPC_CHANNEL_READY) return "";
  return tripla::WhyNotConnected(channel);
}

Effect EffectOf(const v1::Operation& request) {
  return request.has_get() ? Effect::kReads : Effect::kWrites;
}

Effect EffectOf(const v1::BatchRequest& request) {
  return std::ranges::all_of(request.operations(),
                             [](const v1::Operation& operation) { return operation.has_get(); })
             ? Effect::kReads
             : Effect::kWrites;
}

const v1::RequestId* RequestIdOf(const v1::Operation& request) {
  const auto id = [](const auto& write) {
    return write.has_request_id() ? &write.request_id() : nullptr;
  };
  switch (request.operation_case()) {
    case v1::Operation::kSet:
      return id(request.set());
    case v1::Operation::kDel:
      return id(request.del());
    case v1::Operation::kDelVersion:
      return id(request.del_version());
    case v1::Operation::kTestAndSet:
      return id(request.test_and_set());
    default:
      return nullptr;
  }
}

v1::RequestId MakeId(const std::string& client, uint64_t sequence, uint64_t first_unanswered) {
  v1::RequestId id;
  id.set_client(client);
  id.set_sequence(sequence);
  id.set_first_unanswered(first_unanswered);
  return id;
}

std::string TextOf(const grpc::Status& status) {
  static constexpr const char* kNames[] = {"OK",
                                           "CANCELLED",
                                           "UNKNOWN",
                                           "INVALID_ARGUMENT",
                                           "DEADLINE_EXCEEDED",
                                           "NOT_FOUND",
                                           "ALREADY_EXISTS",
                                           "PERMISSION_DENIED",
                                           "RESOURCE_EXHAUSTED",
                                           "FAILED_PRECONDITION",
                                           "ABORTED",
                                           "OUT_OF_RANGE",
                                           "UNIMPLEMENTED",
                                           "INTERNAL",
                                           "UNAVAILABLE",
                                           "DATA_LOSS",
                                           "UNAUTHENTICATED"};
  const auto code = static_cast<size_t>(status.error_code());
  const std::string name = code < std::size(kNames) ? kNames[code] : fmt::format("code {}", code);
  if (status.error_message().empty()) return name;
  return fmt::format("{}: {}", name, cli::Escape(status.error_message(), cli::Keep::kQuotes));
}

}  // namespace tripla::check
