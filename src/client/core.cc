// SPDX-License-Identifier: Apache-2.0
#include "client/core.h"

#include <fmt/core.h>

#include <algorithm>
#include <future>
#include <random>
#include <utility>

#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/quantity.h"
#include "client/backoff.h"
#include "client/connection.h"
#include "client/next_step.h"
#include "client/wire.h"
#include "model/leader_metadata.h"
#include "model/limits.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

// If there are other servers, one attempt takes at most half of the time left, but at least the
// smaller of this and a quarter of the whole time.
constexpr std::chrono::milliseconds kAttemptMin{500};

// How long to wait for a connection before another server is tried as well. gRPC cannot be woken
// from this wait, so it is also the longest delay of CancelCalls().
constexpr std::chrono::milliseconds kConnectSlice{50};
// The pause after all servers were tried without success.
constexpr std::chrono::milliseconds kConnectPause{10};

Failure NotUnderstood(Effect effect) {
  return {absl::StatusCode::kInternal,
          "this client does not understand the server's answer; the server may be newer",
          effect == Effect::kReads ? Failure::Applied::kNo : Failure::Applied::kUnknown,
          std::nullopt};
}

Failure EmptyBatch() {
  return {absl::StatusCode::kInvalidArgument, "the batch has no operations", Failure::Applied::kNo,
          std::nullopt};
}

Failure TooManyOperations(size_t count) {
  return {absl::StatusCode::kResourceExhausted,
          fmt::format("the batch has {} operations; {} are allowed: split it", count,
                      limits::kBatchOperationsMax),
          Failure::Applied::kNo,
          std::nullopt,
          /*connected=*/true,
          Failure::Reason::kTooLarge};
}

Failure Cancelled(Failure::Applied applied) {
  return {absl::StatusCode::kCancelled, "cancelled", applied, std::nullopt};
}

Failure NoTimeLeft(Failure::Applied applied) {
  return {absl::StatusCode::kDeadlineExceeded, "no time was left to send it", applied,
          std::nullopt};
}

ClientOptions Checked(ClientOptions options) {
  TRIPLA_CHECK(!options.endpoints.empty(), "a client needs a server");
  TRIPLA_CHECK(options.deadline.count() > 0, "a call needs time");
  TRIPLA_CHECK(options.backoff_min.count() > 0 && options.backoff_min <= options.backoff_max,
               "0 < backoff_min <= backoff_max");
  return options;
}

// Waits until `until` for a connection; returns at once if it is refused.
bool AwaitConnected(grpc::Channel& channel, Clock::time_point until) {
  while (true) {
    const grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (!channel.WaitForStateChange(state, DeadlineAfter(until - Clock::now()))) return false;
  }
}

v1::RequestId MakeId(const RequestIds::Lease& lease, uint64_t offset) {
  v1::RequestId id;
  id.set_client(lease.client());
  id.set_sequence(lease.first() + offset);
  id.set_first_unanswered(lease.first_unanswered());
  return id;
}

}  // namespace

Client::Core::Core(ClientOptions options)
    : options_(Checked(std::move(options))), servers_(options_.endpoints) {}

Client::Core::CallInProgress::CallInProgress(Core& core, const CallOptions& options)
    : running(core.running_),
      allowed(options.deadline.value_or(core.options_.deadline)),
      deadline(Clock::now() + allowed),
      without_data(options.without_data) {}

std::optional<AttemptFailure> Client::Core::Send(CallInProgress& call, Effect effect,
                                                 const SendOnce& send) {
  std::optional<Backoff> backoff;
  std::optional<AttemptFailure> last;
  auto applied = Failure::Applied::kNo;  // by any attempt so far
  // Counts only the attempts that may have arrived. A write that surely was not applied is sent
  // again with the same number, so that a server that has forgotten clients does not refuse it
  // (R13a).
  uint32_t number = 1;
  while (true) {
    Answer<const Server*> server = Connect(call, applied);
    if (!server.ok()) {
      // That time is over says less than what a server has said.
      const bool is_over = server.failure().code == absl::StatusCode::kDeadlineExceeded;
      return is_over && last ? *last : AttemptFailure{.failure = server.failure()};
    }
    grpc::ClientContext context;
    context.set_deadline(DeadlineAfter(AttemptDeadline(call) - Clock::now()));
    grpc::Status status;
    {
      const RunningCalls::Attempt running(call.running, context);
      status = send(**server, context, number);
    }
    if (status.ok()) {
      const auto& trailers = context.GetServerTrailingMetadata();
      if (const auto leader = trailers.find(kLeaderMetadata); leader != trailers.end()) {
        servers_.MoveToLeader(**server, {leader->second.data(), leader->second.size()});
      }
      return std::nullopt;
    }

    AttemptFailure failed = ReadFailure(status, context, effect);
    if (failed.applied != Failure::Applied::kNo) ++number;
    applied = std::max(applied, failed.applied);
    failed.failure.applied = applied;
    if (!backoff)
      backoff.emplace(options_.backoff_min, options_.backoff_max, std::random_device()());
    const auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(call.deadline - Clock::now());
    const Step step = NextStep({servers_.size(), left, backoff->Next()}, failed);
    if (step.elsewhere) servers_.MoveOn(**server, failed.leader_endpoint);
    last = std::move(failed);
    last->failure = Explained(call, std::move(last->failure));
    if (!step.again) return last;
    if (!call.running.Sleep(Clock::now() + step.wait)) {
      return AttemptFailure{.failure = Cancelled(applied)};
    }
  }
}

std::optional<AttemptFailure> Client::Core::Send(CallInProgress& call, Effect effect,
                                                 v1::Operation& request, v1::Reply* reply) {
  return Send(call, effect,
              [&](const Server& server, grpc::ClientContext& context, uint32_t attempt) {
                if (effect == Effect::kWrites) SetAttempt(request, attempt);
                return SendOperation(*server.key_value, context, request, reply);
              });
}

Answer<const Client::Core::Server*> Client::Core::Connect(CallInProgress& call,
                                                          Failure::Applied applied) {
  // Waits for each server in turn; the others continue to connect in the background. The slices are
  // short enough that every server has its turn within a quarter of the time.
  const auto slice =
      std::min<Clock::duration>(kConnectSlice, std::chrono::microseconds(call.allowed) /
                                                   (4 * static_cast<int64_t>(servers_.size())));
  if (Clock::now() >= call.deadline) return NoTimeLeft(applied);
  while (true) {
    for (size_t turn = 0; turn < servers_.size(); ++turn) {
      const Server& server = servers_.current();
      const Clock::time_point now = Clock::now();
      if (now >= call.deadline) return NotConnected(call, server, applied);
      const bool connected = AwaitConnected(*server.channel, std::min(call.deadline, now + slice));
      if (!call.running.Sleep(Clock::now())) return Cancelled(applied);
      if (connected && Clock::now() >= call.deadline) return NoTimeLeft(applied);
      if (connected) return &server;
      servers_.MoveOn(server, "");
    }
    const Clock::time_point next_look = std::min(call.deadline, Clock::now() + kConnectPause);
    if (!call.running.Sleep(next_look)) return Cancelled(applied);
  }
}

Client::Core::Clock::time_point Client::Core::AttemptDeadline(const CallInProgress& call) const {
  if (servers_.size() == 1) return call.deadline;
  const Clock::time_point now = Clock::now();
  const auto least = std::min<Clock::duration>(kAttemptMin, call.allowed / 4);
  return std::min(call.deadline, now + std::max<Clock::duration>((call.deadline - now) / 2, least));
}

std::string Client::Core::Endpoints() const {
  constexpr size_t kNamed = 5;
  const std::vector<std::string>& all = options_.endpoints;
  if (all.size() <= kNamed) return absl::StrJoin(all, " or ");
  return fmt::format("{} or {} more", absl::StrJoin(all.begin(), all.begin() + kNamed, " or "),
                     all.size() - kNamed);
}

Failure Client::Core::NotConnected(const CallInProgress& call, const Server& server,
                                   Failure::Applied applied) const {
  return {absl::StatusCode::kUnavailable,
          fmt::format("no connection to {} within {}: {}", Endpoints(), DurationText(call.allowed),
                      WhyNotConnected(server.channel)),
          applied, std::nullopt, /*connected=*/false};
}

Failure Client::Core::Explained(const CallInProgress& call, Failure failure) const {
  if (failure.code == absl::StatusCode::kDeadlineExceeded) {
    failure.message =
        fmt::format("no answer from {} within {}", Endpoints(), DurationText(call.allowed));
  } else if (failure.code == absl::StatusCode::kCancelled) {
    failure.message = "cancelled";
  }
  return failure;
}

Failure Client::Core::WithRequest(Failure failure, RequestIds::Lease& lease, uint64_t count) {
  if (failure.applied == Failure::Applied::kNo) return failure;
  lease.Keep();
  failure.request = ToText(RequestRange{lease.client(), lease.first(), count});
  return failure;
}

Answer<Decided> Client::Core::Execute(CallInProgress& call, const Operation& operation) {
  const Effect effect = EffectOf(operation);
  v1::Operation request = ToWire(operation);
  v1::Reply reply;
  if (effect == Effect::kReads) {
    if (std::optional<AttemptFailure> failed = Send(call, effect, request, &reply)) {
      return failed->failure;
    }
    std::optional<Decided> decided = FromWire(std::move(reply));
    if (!decided) return NotUnderstood(effect);
    return *std::move(decided);
  }
  RequestIds::Lease lease = ids_.Take(1);
  SetRequestId(request, MakeId(lease, 0));
  if (call.without_data) SetWithoutData(request);
  if (std::optional<AttemptFailure> failed = Send(call, effect, request, &reply)) {
    return WithRequest(std::move(failed->failure), lease, 1);
  }
  std::optional<Decided> decided = FromWire(std::move(reply));
  if (!decided) return WithRequest(NotUnderstood(effect), lease, 1);
  return *std::move(decided);
}

Answer<std::vector<Decided>> Client::Core::Batch(CallInProgress& call,
                                                 const std::vector<Operation>& operations) {
  if (operations.empty()) return EmptyBatch();
  if (operations.size() > limits::kBatchOperationsMax) return TooManyOperations(operations.size());
  const Effect effect = EffectOf(operations);
  RequestIds::Lease lease = ids_.Take(operations.size());
  v1::BatchRequest request;
  for (const Operation& operation : operations) {
    const uint64_t offset = static_cast<uint64_t>(request.operations_size());
    v1::Operation& wire = *request.add_operations();
    wire = ToWire(operation);
    SetRequestId(wire, MakeId(lease, offset));
    if (call.without_data) SetWithoutData(wire);
  }
  v1::BatchReply reply;
  std::optional<AttemptFailure> failed =
      Send(call, effect, [&](const Server& server, grpc::ClientContext& context, uint32_t attempt) {
        reply.Clear();
        for (v1::Operation& one : *request.mutable_operations()) SetAttempt(one, attempt);
        return server.key_value->Batch(&context, request, &reply);
      });
  if (failed) return WithRequest(std::move(failed->failure), lease, operations.size());
  std::vector<Decided> answers;
  answers.reserve(operations.size());
  for (v1::Reply& one : *reply.mutable_replies()) {
    if (std::optional<Decided> decided = FromWire(std::move(one))) {
      answers.push_back(*std::move(decided));
    }
  }
  if (answers.size() != operations.size()) {
    return WithRequest(NotUnderstood(effect), lease, operations.size());
  }
  return answers;
}

Answer<ServerStatus> Client::Core::Status(CallInProgress& call) {
  v1::StatusReply reply;
  std::optional<AttemptFailure> failed =
      Send(call, Effect::kReads, [&](const Server& server, grpc::ClientContext& context, uint32_t) {
        return server.admin->Status(&context, {}, &reply);
      });
  if (failed) return std::move(failed->failure);
  return FromWire(reply);
}

// A server that is gone must not delay the others' answers for long.
constexpr std::chrono::milliseconds kStatusPatience{2000};

std::vector<EndpointStatus> Client::Core::StatusOfAll() {
  std::vector<std::future<Answer<ServerStatus>>> asked;
  for (const std::string& endpoint : options_.endpoints) {
    ClientOptions alone = options_;
    alone.endpoints = {endpoint};
    alone.deadline = std::min(alone.deadline, kStatusPatience);
    asked.push_back(std::async(std::launch::async, [alone] {
      Core core(alone);
      CallInProgress call(core, {});
      return core.Status(call);
    }));
  }
  std::vector<EndpointStatus> answers;
  for (size_t i = 0; i < asked.size(); ++i) {
    answers.push_back({options_.endpoints[i], asked[i].get()});
  }
  return answers;
}

Answer<ImageInfo> Client::Core::Snapshot(CallInProgress& call) {
  v1::SnapshotReply reply;
  std::string endpoint;
  // Writing an image twice is as harmless as reading twice.
  std::optional<AttemptFailure> failed =
      Send(call, Effect::kReads, [&](const Server& server, grpc::ClientContext& context, uint32_t) {
        endpoint = server.endpoint;
        return server.admin->Snapshot(&context, {}, &reply);
      });
  if (failed) return std::move(failed->failure);
  ImageInfo image = FromWire(reply);
  image.endpoint = std::move(endpoint);
  return image;
}

Answer<Leader> Client::Core::Transfer(CallInProgress& call, const std::string& node) {
  v1::TransferRequest request;
  request.set_node(node);
  v1::TransferReply reply;
  // kReads: no entry changes. It is tried again at UNAVAILABLE; without a name leadership may move
  // twice then, which harms nothing. One attempt has all of the time: a leader that was asked goes
  // on with it.
  std::optional<AttemptFailure> failed =
      Send(call, Effect::kReads, [&](const Server& server, grpc::ClientContext& context, uint32_t) {
        context.set_deadline(DeadlineAfter(call.deadline - Clock::now()));
        return server.admin->Transfer(&context, request, &reply);
      });
  if (failed) return std::move(failed->failure);
  return FromWire(reply);
}

}  // namespace tripla
