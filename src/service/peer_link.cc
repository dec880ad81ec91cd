// SPDX-License-Identifier: Apache-2.0
#include "service/peer_link.h"

#include <fmt/core.h>
#include <grpc/support/time.h>

#include <algorithm>
#include <chrono>
#include <type_traits>
#include <utility>

#include "model/leader_metadata.h"
#include "service/pushback.h"
#include "service/status_mapping.h"

namespace tripla {
namespace {

constexpr char kPassedOn[] = "tripla-passed-on";

// A server that hangs must not delay questions that another one could answer: it is noticed as soon
// as its followers notice it. A write that was sent is not given up so soon, for then its outcome
// is unknown: a leader may be starved for seconds and lead on. Whether another one leads,
// SetLeader() tells.
constexpr int kKeepaliveMs = 1'000;
constexpr int kQuestionKeepaliveTimeoutMs = 1'000;
constexpr int kWriteKeepaliveTimeoutMs = 10'000;
constexpr int kReconnectMs = 100;
constexpr int kConnectTimeoutMs = 1'000;
constexpr std::chrono::seconds kAnswerPatience{2};
constexpr std::chrono::seconds kTransferPatience{10};

grpc::ChannelArguments Arguments(int keepalive_timeout_ms) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // the limits were checked before
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // whether a write was sent must stay known
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive_timeout_ms);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return arguments;
}

std::shared_ptr<grpc::Channel> Connect(const std::string& endpoint, int keepalive_timeout_ms) {
  return grpc::CreateCustomChannel("dns:///" + endpoint, grpc::InsecureChannelCredentials(),
                                   Arguments(keepalive_timeout_ms));
}

using DoneFn = std::function<void(grpc::Status)>;
using Stub = v1::KeyValue::Stub;

void Send(Stub& to, grpc::ClientContext& context, const v1::SetRequest& request, v1::Reply& reply,
          DoneFn done) {
  to.async()->Set(&context, &request, &reply, std::move(done));
}
void Send(Stub& to, grpc::ClientContext& context, const v1::DelRequest& request, v1::Reply& reply,
          DoneFn done) {
  to.async()->Del(&context, &request, &reply, std::move(done));
}
void Send(Stub& to, grpc::ClientContext& context, const v1::DelVersionRequest& request,
          v1::Reply& reply, DoneFn done) {
  to.async()->DelVersion(&context, &request, &reply, std::move(done));
}
void Send(Stub& to, grpc::ClientContext& context, const v1::TestAndSetRequest& request,
          v1::Reply& reply, DoneFn done) {
  to.async()->TestAndSet(&context, &request, &reply, std::move(done));
}
void Send(Stub& to, grpc::ClientContext& context, const v1::BatchRequest& request,
          v1::BatchReply& reply, DoneFn done) {
  to.async()->Batch(&context, &request, &reply, std::move(done));
}

void Send(internal::Peer::Stub& to, grpc::ClientContext& context,
          const internal::ReadIndexRequest& request, internal::ReadIndexReply& reply, DoneFn done) {
  to.async()->ReadIndex(&context, &request, &reply, std::move(done));
}
void Send(internal::Peer::Stub& to, grpc::ClientContext& context,
          const internal::StateHashesRequest& request, internal::StateHashesReply& reply,
          DoneFn done) {
  to.async()->StateHashes(&context, &request, &reply, std::move(done));
}
void Send(internal::Peer::Stub& to, grpc::ClientContext& context,
          const internal::LogStateRequest& request, internal::LogStateReply& reply, DoneFn done) {
  to.async()->LogState(&context, &request, &reply, std::move(done));
}
void Send(internal::Peer::Stub& to, grpc::ClientContext& context,
          const internal::TransferRequest& request, internal::TransferReply& reply, DoneFn done) {
  to.async()->Transfer(&context, &request, &reply, std::move(done));
}

// gRPC's own clock for deadlines may be set, the one of `deadline` is not.
void SetDeadline(grpc::ClientContext& context, std::chrono::steady_clock::time_point deadline) {
  if (deadline == std::chrono::steady_clock::time_point::max()) return;
  const auto left = deadline - std::chrono::steady_clock::now();
  context.set_deadline(gpr_time_from_nanos(
      std::chrono::duration_cast<std::chrono::nanoseconds>(left).count(), GPR_TIMESPAN));
}

absl::Status NotAnswered(const std::string& endpoint, const grpc::Status& status) {
  return absl::UnavailableError(fmt::format("{}: {}", endpoint, status.error_message()));
}

// gRPC 1.51 uses this text when it had no connection to send a call over. If another version uses a
// different text, the write counts as unknown.
bool WasNotSent(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         status.error_message().starts_with("failed to connect to all addresses");
}

// Whether a write with this reply has changed something.
template <typename Request>
bool HasChanged(const Request&, const v1::Reply& reply) {
  return reply.result() == v1::SUCCESS;
}

bool HasChanged(const v1::BatchRequest& request, const v1::BatchReply& reply) {
  for (int i = 0; i < std::min(request.operations_size(), reply.replies_size()); ++i) {
    const bool reads = request.operations(i).has_get();
    if (!reads && reply.replies(i).result() == v1::SUCCESS) return true;
  }
  return false;
}

void LeaveOutData(v1::Reply& reply) {
  if (reply.has_value()) reply.mutable_value()->clear_data();
}

void LeaveOutData(v1::BatchReply& reply) {
  for (v1::Reply& each : *reply.mutable_replies()) LeaveOutData(each);
}

// A request that is forwarded, and its reply.
template <typename Request>
struct Forwarded {
  using Reply =
      std::conditional_t<std::is_same_v<Request, v1::BatchRequest>, v1::BatchReply, v1::Reply>;
  Request request;
  Reply reply;
};

// Ends the call with the leader's reply, once there is room for it.
template <typename Request>
void Answer(const PendingCallPtr& call, const std::shared_ptr<Forwarded<Request>>& forwarded) {
  const size_t bytes = forwarded->reply.ByteSizeLong();
  if (call->HasRoomFor(bytes)) return call->Succeed(forwarded->reply);
  const size_t held_bytes = bytes + forwarded->request.ByteSizeLong();
  call->AwaitRoom(bytes, held_bytes, [call, forwarded](const absl::Status& room) {
    if (room.ok()) return call->Succeed(forwarded->reply);
    if (!HasChanged(forwarded->request, forwarded->reply)) {
      return call->FailWrite(room, Applied::kNo, call->NoRoomForReply());
    }
    LeaveOutData(forwarded->reply);
    call->FailApplied(std::string(room.message()), forwarded->reply);
  });
}

// Ends the call with the error of the forwarded call; `why`: it has no answer.
void Fail(PendingCall& call, const grpc::ClientContext& asked, const std::string& endpoint,
          const grpc::Status& status, const std::string& why) {
  const auto& trailers = asked.GetServerTrailingMetadata();
  if (const auto pushback = trailers.find(kPushbackMetadata); pushback != trailers.end()) {
    call.call().AddTrailingMetadata(kPushbackMetadata,
                                    {pushback->second.data(), pushback->second.size()});
  }
  if (WasNotSent(status)) {
    return call.Finish(
        WriteError(absl::UnavailableError(fmt::format("the leader at {} cannot be reached ({})",
                                                      endpoint, status.error_message())),
                   Applied::kNo));
  }
  // Only an answer by the server itself says whether the write was applied.
  if (!status.error_details().empty()) {
    return call.Finish({static_cast<absl::StatusCode>(status.error_code()), status.error_message(),
                        status.error_details()});
  }
  call.Finish(WriteError(absl::UnavailableError(fmt::format(
                             "the leader at {} did not answer ({}); whether the write "
                             "was applied is not known, the same request id again tells",
                             endpoint, why)),
                         Applied::kUnknown));
}

std::map<LogIndex, StateHash> ReadHashes(const internal::StateHashesReply& reply) {
  std::map<LogIndex, StateHash> hashes;
  for (const internal::StateHash& each : reply.hashes()) {
    StateHash hash;
    if (each.hash().size() != hash.size()) continue;
    std::ranges::copy(each.hash(), hash.begin());
    hashes[each.index()] = hash;
  }
  return hashes;
}

}  // namespace

PeerLink::Server::Server(const std::string& endpoint)
    : key_value(Connect(endpoint, kWriteKeepaliveTimeoutMs)),
      peer(Connect(endpoint, kQuestionKeepaliveTimeoutMs)) {}

PeerLink::Server& PeerLink::To(const std::string& endpoint) {
  MutexLock lock(mutex_);
  std::unique_ptr<Server>& server = servers_[endpoint];
  if (server == nullptr) server = std::make_unique<Server>(endpoint);
  return *server;
}

absl::Status PeerLink::Begin(const std::shared_ptr<grpc::ClientContext>& context, Call call) {
  MutexLock lock(mutex_);
  if (stopped_) return absl::UnavailableError("the server is shutting down");
  if (call.bytes != 0 && bytes_ != 0 && bytes_ + call.bytes > passed_on_bytes_max_) {
    return absl::ResourceExhaustedError(fmt::format(
        "the server is overloaded: {} bytes of writes wait for the leader to take them", bytes_));
  }
  bytes_ += call.bytes;
  calls_.emplace(context, std::move(call));
  return absl::OkStatus();
}

void PeerLink::MakeRoom(const std::shared_ptr<grpc::ClientContext>& call) {
  MutexLock lock(mutex_);
  bytes_ -= std::exchange(calls_[call].bytes, 0);
}

void PeerLink::SetLeader(const std::string& endpoint) {
  const auto now = std::chrono::steady_clock::now();
  MutexLock lock(mutex_);
  if (endpoint.empty()) return;  // the former one may lead on
  if (endpoint != leader_) {
    leader_ = endpoint;
    leads_since_ = now;
  }
  if (now - leads_since_ < kFormerLeaderPatience) return;
  for (const auto& [context, call] : calls_) {
    if (!call.written_to.empty() && call.written_to != leader_) context->TryCancel();
  }
}

std::string PeerLink::WhyUnanswered(const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::CANCELLED) return status.error_message();
  MutexLock lock(mutex_);
  return stopped_ ? "this server is shutting down" : "another server leads now";
}

void PeerLink::End(const std::shared_ptr<grpc::ClientContext>& call) {
  MutexLock lock(mutex_);
  calls_.erase(call);
  ended_.NotifyAll();
}

void PeerLink::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (const auto& [context, call] : calls_) context->TryCancel();
  while (!calls_.empty()) ended_.Wait(mutex_);
}

bool PeerLink::IsPassedOn(const rpc::Call& call) {
  return call.FindMetadata(kPassedOn).has_value();
}

template <typename Request>
void PeerLink::PassOn(const std::string& endpoint, const PendingCallPtr& call, Request request) {
  call->call().AddTrailingMetadata(kLeaderMetadata, endpoint);
  const auto context = std::make_shared<grpc::ClientContext>();
  context->AddMetadata(kPassedOn, "1");
  SetDeadline(*context, call->call().deadline());
  if (const absl::Status begun = Begin(context, {request.ByteSizeLong(), endpoint}); !begun.ok()) {
    return call->FailWrite(begun, Applied::kNo, NoRoom::Overloaded(passed_on_bytes_max_));
  }
  const auto forwarded =
      std::make_shared<Forwarded<Request>>(Forwarded<Request>{std::move(request), {}});
  Send(To(endpoint).key_value, *context, forwarded->request, forwarded->reply,
       [this, context, call, endpoint, forwarded](const grpc::Status& status) {
         MakeRoom(context);  // before the client gets its answer
         if (status.ok()) {
           Answer(call, forwarded);
         } else {
           Fail(*call, *context, endpoint, status, WhyUnanswered(status));
         }
         End(context);
       });
}

template void PeerLink::PassOn(const std::string&, const PendingCallPtr&, v1::SetRequest);
template void PeerLink::PassOn(const std::string&, const PendingCallPtr&, v1::DelRequest);
template void PeerLink::PassOn(const std::string&, const PendingCallPtr&, v1::DelVersionRequest);
template void PeerLink::PassOn(const std::string&, const PendingCallPtr&, v1::TestAndSetRequest);
template void PeerLink::PassOn(const std::string&, const PendingCallPtr&, v1::BatchRequest);

template <typename Request, typename Reply>
void PeerLink::Ask(const std::string& endpoint, Request request, std::chrono::seconds patience,
                   std::function<void(const grpc::Status&, const Reply&)> answer) {
  struct Question {
    Request request;
    Reply reply;
  };
  const auto context = std::make_shared<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + patience);
  if (const absl::Status begun = Begin(context, {}); !begun.ok()) {
    return answer({grpc::StatusCode::UNAVAILABLE, std::string(begun.message())}, {});
  }
  const auto question = std::make_shared<Question>(Question{std::move(request), {}});
  Send(To(endpoint).peer, *context, question->request, question->reply,
       [this, context, question, answer = std::move(answer)](const grpc::Status& status) {
         answer(status, question->reply);
         End(context);
       });
}

void PeerLink::AskReadIndex(const std::string& endpoint, const std::string& cluster, Proof proof,
                            std::function<void(const absl::StatusOr<LogIndex>&)> answer) {
  internal::ReadIndexRequest request;
  request.set_cluster(cluster);
  request.set_by_entry(proof == Proof::kEntry);
  Ask<internal::ReadIndexRequest, internal::ReadIndexReply>(
      endpoint, std::move(request), kAnswerPatience,
      [endpoint, answer = std::move(answer)](const auto& status, const auto& reply) {
        if (!status.ok()) return answer(NotAnswered(endpoint, status));
        answer(reply.index());
      });
}

void PeerLink::AskStateHashes(
    const std::string& endpoint, const std::string& cluster, const std::vector<LogIndex>& indexes,
    std::function<void(const absl::StatusOr<std::map<LogIndex, StateHash>>&)> answer) {
  internal::StateHashesRequest request;
  request.set_cluster(cluster);
  for (const LogIndex index : indexes) request.add_indexes(index);
  Ask<internal::StateHashesRequest, internal::StateHashesReply>(
      endpoint, std::move(request), kAnswerPatience,
      [endpoint, answer = std::move(answer)](const auto& status, const auto& reply) {
        if (!status.ok()) return answer(NotAnswered(endpoint, status));
        answer(ReadHashes(reply));
      });
}

void PeerLink::AskLogState(
    const std::string& endpoint, const std::string& cluster,
    std::function<void(const absl::StatusOr<internal::LogStateReply>&)> answer) {
  internal::LogStateRequest request;
  request.set_cluster(cluster);
  Ask<internal::LogStateRequest, internal::LogStateReply>(
      endpoint, std::move(request), kAnswerPatience,
      [endpoint, answer = std::move(answer)](const auto& status, const auto& reply) {
        if (!status.ok()) return answer(NotAnswered(endpoint, status));
        answer(reply);
      });
}

void PeerLink::AskTransfer(
    const std::string& endpoint, const std::string& cluster, const std::string& node,
    std::function<void(const absl::StatusOr<internal::TransferReply>&)> answer) {
  internal::TransferRequest request;
  request.set_cluster(cluster);
  request.set_node(node);
  Ask<internal::TransferRequest, internal::TransferReply>(
      endpoint, std::move(request), kTransferPatience,
      [endpoint, answer = std::move(answer)](const auto& status, const auto& reply) {
        if (status.ok()) return answer(reply);
        if (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION) {
          return answer(absl::FailedPreconditionError(status.error_message()));
        }
        answer(NotAnswered(endpoint, status));
      });
}

}  // namespace tripla
