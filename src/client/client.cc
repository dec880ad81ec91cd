// SPDX-License-Identifier: Apache-2.0
#include "tripla/client.h"

#include <fmt/core.h>
#include <grpc/support/time.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <functional>
#include <future>
#include <optional>
#include <random>
#include <string>

#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/quantity.h"
#include "client/attempt.h"
#include "client/backoff.h"
#include "client/connection.h"
#include "client/effect.h"
#include "client/request_ids.h"
#include "client/running_calls.h"
#include "client/servers.h"
#include "client/wire.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

using Server = Servers::Server;

// One try of a call: sends the request and fills in the reply.
using AttemptFunction = std::function<grpc::Status(const Server&, grpc::ClientContext&)>;

// With other servers to ask, one that does not answer gets half of the time that is left, and this
// at least.
constexpr std::chrono::milliseconds kAttemptMin{500};

// In gRPC's form of the same clock, so that setting the system's clock does not move a deadline.
gpr_timespec DeadlineOf(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_micros(left.count(), GPR_TIMESPAN));
}

grpc::Status Send(v1::KeyValue::Stub& stub, grpc::ClientContext& context,
                  const v1::Operation& request, v1::Reply* reply) {
  reply->Clear();
  switch (request.operation_case()) {
    case v1::Operation::kSet:
      return stub.Set(&context, request.set(), reply);
    case v1::Operation::kGet:
      return stub.Get(&context, request.get(), reply);
    case v1::Operation::kDel:
      return stub.Del(&context, request.del(), reply);
    case v1::Operation::kDelVersion:
      return stub.DelVersion(&context, request.del_version(), reply);
    case v1::Operation::kTestAndSet:
      return stub.TestAndSet(&context, request.test_and_set(), reply);
    case v1::Operation::OPERATION_NOT_SET:
      break;
  }
  return {grpc::StatusCode::INTERNAL, "an operation without a kind"};
}

Failure NotUnderstood(Effect effect) {
  return {absl::StatusCode::kInternal,
          "the server's answer is of a kind that this client does not know; is it newer?",
          effect == Effect::kReads ? Failure::Applied::kNo : Failure::Applied::kUnknown,
          std::nullopt};
}

Failure EmptyBatch() {
  return {absl::StatusCode::kInvalidArgument, "the batch has no operations", Failure::Applied::kNo,
          std::nullopt};
}

ClientOptions Checked(ClientOptions options) {
  TRIPLA_CHECK(!options.endpoints.empty(), "a client needs a server");
  TRIPLA_CHECK(options.deadline.count() > 0, "a call needs time");
  TRIPLA_CHECK(options.backoff_min.count() > 0 && options.backoff_min <= options.backoff_max,
               "0 < backoff_min <= backoff_max");
  return options;
}

Failure Cancelled(Failure::Applied applied) {
  return {absl::StatusCode::kCancelled, "cancelled", applied, std::nullopt};
}

}  // namespace

class Client::Core {
 public:
  explicit Core(ClientOptions options)
      : options_(Checked(std::move(options))), servers_(options_.endpoints) {}

  Answer<Decided> Execute(const Operation& operation);
  Answer<std::vector<Decided>> Batch(const std::vector<Operation>& operations);
  Answer<ServerStatus> Status();
  std::vector<EndpointStatus> StatusOfAll();
  Answer<ImageInfo> Snapshot();
  size_t CancelCalls() { return running_.CancelAll(); }

 private:
  // Attempts a call until it succeeds (nullopt), is refused for good, or its time is over.
  std::optional<Failure> Call(Effect effect, const AttemptFunction& attempt);

  // Waits until there is a connection to a server, so that what could not be sent is surely not
  // applied: once an attempt is given to gRPC it does not tell whether any byte of it left.
  // `applied` is what is known of the attempts before.
  Answer<const Server*> Connect(RunningCalls::Call& call, Clock::time_point deadline,
                                Failure::Applied applied);

  // Until when one attempt may take.
  [[nodiscard]] Clock::time_point AttemptDeadline(Clock::time_point deadline) const;

  // "a:1", or "a:1 or b:2".
  [[nodiscard]] std::string Endpoints() const;

  // The same failure in words of ours, where gRPC's say nothing to a person.
  [[nodiscard]] Failure Explained(Failure failure) const;

  v1::RequestId IdOf(const RequestIds::Lease& lease, uint64_t offset) const;

  const ClientOptions options_;
  Servers servers_;
  RequestIds ids_;
  RunningCalls running_;
};

std::optional<Failure> Client::Core::Call(Effect effect, const AttemptFunction& attempt) {
  RunningCalls::Call call(running_);
  const Clock::time_point deadline = Clock::now() + options_.deadline;
  std::optional<Backoff> backoff;
  auto applied = Failure::Applied::kNo;  // by any attempt so far
  while (true) {
    Answer<const Server*> server = Connect(call, deadline, applied);
    if (!server.ok()) return server.failure();
    grpc::ClientContext context;
    context.set_deadline(DeadlineOf(AttemptDeadline(deadline)));
    grpc::Status status;
    {
      const RunningCalls::Attempt running(call, context);
      status = attempt(**server, context);
    }
    if (status.ok()) return std::nullopt;

    AttemptFailure failed = ReadFailure(status, context, effect);
    applied = std::max(applied, failed.failure.applied);
    failed.failure.applied = applied;
    const bool ask_another = servers_.size() > 1 && failed.worth_asking_another;
    if (ask_another) servers_.MoveOn(**server, failed.leader_endpoint);
    if (!failed.worth_retrying && !ask_another) return Explained(std::move(failed.failure));
    if (!backoff)
      backoff.emplace(options_.backoff_min, options_.backoff_max, std::random_device()());
    Clock::duration wait = backoff->Next();
    if (failed.failure.retry_after)
      wait = std::max<Clock::duration>(wait, *failed.failure.retry_after);
    // A wait past the deadline would only delay the bad news.
    if (Clock::now() + wait >= deadline) return Explained(std::move(failed.failure));
    if (!call.Sleep(Clock::now() + wait)) return Cancelled(applied);
  }
}

Answer<const Server*> Client::Core::Connect(RunningCalls::Call& call, Clock::time_point deadline,
                                            Failure::Applied applied) {
  // gRPC cannot be woken from this wait: it is cut in slices, so that CancelCalls() is heard. Each
  // server gets one in turn, and goes on connecting while the others have theirs.
  constexpr std::chrono::milliseconds kSlice{50};
  while (true) {
    const Server& server = servers_.current();
    const auto slice = DeadlineOf(std::min(deadline, Clock::now() + kSlice));
    if (server.channel->WaitForConnected(slice)) return &server;
    if (!call.Sleep(Clock::now())) return Cancelled(applied);
    if (Clock::now() >= deadline) {
      return Failure{absl::StatusCode::kUnavailable,
                     fmt::format("no connection to {} within {}: {}", Endpoints(),
                                 DurationText(options_.deadline), WhyNotConnected(server.channel)),
                     applied, std::nullopt, /*connected=*/false};
    }
    servers_.MoveOn(server, "");
  }
}

Clock::time_point Client::Core::AttemptDeadline(Clock::time_point deadline) const {
  if (servers_.size() == 1) return deadline;
  const Clock::time_point now = Clock::now();
  return std::min(deadline, now + std::max<Clock::duration>((deadline - now) / 2, kAttemptMin));
}

std::string Client::Core::Endpoints() const { return absl::StrJoin(options_.endpoints, " or "); }

Failure Client::Core::Explained(Failure failure) const {
  if (failure.code == absl::StatusCode::kDeadlineExceeded) {
    failure.message =
        fmt::format("no answer from {} within {}", Endpoints(), DurationText(options_.deadline));
  } else if (failure.code == absl::StatusCode::kCancelled) {
    failure.message = "cancelled";
  }
  return failure;
}

v1::RequestId Client::Core::IdOf(const RequestIds::Lease& lease, uint64_t offset) const {
  v1::RequestId id;
  id.set_client(ids_.client());
  id.set_sequence(lease.first() + offset);
  id.set_first_unanswered(lease.first_unanswered());
  return id;
}

Answer<Decided> Client::Core::Execute(const Operation& operation) {
  const Effect effect = EffectOf(operation);
  v1::Operation request = ToWire(operation);
  std::optional<RequestIds::Lease> lease;
  if (effect == Effect::kWrites) SetRequestId(request, IdOf(lease.emplace(ids_, 1), 0));
  v1::Reply reply;
  std::optional<Failure> failure =
      Call(effect, [&](const Server& server, grpc::ClientContext& context) {
        return Send(*server.key_value, context, request, &reply);
      });
  if (failure) return *std::move(failure);
  std::optional<Decided> decided = FromWire(std::move(reply));
  if (!decided) return NotUnderstood(effect);
  return *std::move(decided);
}

Answer<std::vector<Decided>> Client::Core::Batch(const std::vector<Operation>& operations) {
  if (operations.empty()) return EmptyBatch();
  const Effect effect = EffectOf(operations);
  const RequestIds::Lease lease(ids_, operations.size());
  v1::BatchRequest request;
  for (const Operation& operation : operations) {
    const uint64_t offset = static_cast<uint64_t>(request.operations_size());
    v1::Operation& wire = *request.add_operations();
    wire = ToWire(operation);
    SetRequestId(wire, IdOf(lease, offset));
  }
  v1::BatchReply reply;
  std::optional<Failure> failure =
      Call(effect, [&](const Server& server, grpc::ClientContext& context) {
        reply.Clear();
        return server.key_value->Batch(&context, request, &reply);
      });
  if (failure) return *std::move(failure);
  std::vector<Decided> answers;
  answers.reserve(operations.size());
  for (v1::Reply& one : *reply.mutable_replies()) {
    std::optional<Decided> decided = FromWire(std::move(one));
    if (!decided) return NotUnderstood(effect);
    answers.push_back(*std::move(decided));
  }
  if (answers.size() != operations.size()) return NotUnderstood(effect);
  return answers;
}

Answer<ServerStatus> Client::Core::Status() {
  v1::StatusReply reply;
  std::optional<Failure> failure =
      Call(Effect::kReads, [&](const Server& server, grpc::ClientContext& context) {
        return server.admin->Status(&context, {}, &reply);
      });
  if (failure) return *std::move(failure);
  return FromWire(reply);
}

// One that is gone does not hold up for long what the others say.
constexpr std::chrono::milliseconds kStatusPatience{2000};

std::vector<EndpointStatus> Client::Core::StatusOfAll() {
  std::vector<std::future<Answer<ServerStatus>>> asked;
  for (const std::string& endpoint : options_.endpoints) {
    ClientOptions alone = options_;
    alone.endpoints = {endpoint};
    alone.deadline = std::min(alone.deadline, kStatusPatience);
    asked.push_back(std::async(std::launch::async, [alone] { return Core(alone).Status(); }));
  }
  std::vector<EndpointStatus> answers;
  for (size_t i = 0; i < asked.size(); ++i) {
    answers.push_back({options_.endpoints[i], asked[i].get()});
  }
  return answers;
}

Answer<ImageInfo> Client::Core::Snapshot() {
  v1::SnapshotReply reply;
  std::string endpoint;
  // An image changes nothing that a later one would not: as harmless to repeat as a read.
  std::optional<Failure> failure =
      Call(Effect::kReads, [&](const Server& server, grpc::ClientContext& context) {
        endpoint = server.endpoint;
        return server.admin->Snapshot(&context, {}, &reply);
      });
  if (failure) return *std::move(failure);
  ImageInfo image = FromWire(reply);
  image.endpoint = std::move(endpoint);
  return image;
}

Client::Client(ClientOptions options) : core_(std::make_unique<Core>(std::move(options))) {}
Client::~Client() = default;

Answer<Decided> Client::Execute(const Operation& operation) { return core_->Execute(operation); }

Answer<std::vector<Decided>> Client::Batch(const std::vector<Operation>& operations) {
  return core_->Batch(operations);
}

Answer<ServerStatus> Client::Status() { return core_->Status(); }
std::vector<EndpointStatus> Client::StatusOfAll() { return core_->StatusOfAll(); }
Answer<ImageInfo> Client::Snapshot() { return core_->Snapshot(); }
size_t Client::CancelCalls() { return core_->CancelCalls(); }

}  // namespace tripla
