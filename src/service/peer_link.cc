// SPDX-License-Identifier: Apache-2.0
#include "service/peer_link.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/status_macros.h"
#include "model/pushback.h"
#include "service/status_mapping.h"

namespace tripla {
namespace {

constexpr char kPassedOn[] = "tripla-passed-on";

// A leader that hangs must not hold up calls that another could take: it is noticed as soon as its
// followers notice.
constexpr int kKeepaliveMs = 1'000;
constexpr int kKeepaliveTimeoutMs = 1'000;
constexpr int kReconnectMs = 100;
constexpr int kConnectTimeoutMs = 1'000;
constexpr std::chrono::seconds kAnswerPatience{2};

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // the limits were checked before
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // whether a write was sent must stay known
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return arguments;
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

// In these words gRPC 1.51 says that it had no connection over which to send a call. Another
// version may have others; then it stays unknown what became of the write.
bool WasNotSent(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         status.error_message().starts_with("failed to connect to all addresses");
}

// Ends the call as the leader has ended its part of it.
void Finish(PendingCall& call, const grpc::ClientContext& asked, const std::string& endpoint,
            const grpc::Status& status, size_t reply_bytes) {
  const auto& trailers = asked.GetServerTrailingMetadata();
  if (const auto pushback = trailers.find(kPushbackMetadata); pushback != trailers.end()) {
    call.context()->AddTrailingMetadata(kPushbackMetadata,
                                        {pushback->second.data(), pushback->second.size()});
  }
  if (WasNotSent(status)) {
    return call.Finish(
        WriteError(absl::UnavailableError(fmt::format("the leader at {} cannot be reached ({})",
                                                      endpoint, status.error_message())),
                   Applied::kNo));
  }
  // Only a server's own answer says what became of the write.
  const bool answered = status.ok() || !status.error_details().empty();
  if (answered && status.ok()) {
    if (const absl::Status room = call.CountReply(reply_bytes); !room.ok()) {
      return call.Finish(WriteError(room, Applied::kUnknown));
    }
  }
  call.Finish(answered
                  ? status
                  : WriteError(absl::UnavailableError(fmt::format(
                                   "the leader at {} did not answer ({}); whether the write was "
                                   "applied is not known, the same request id again tells",
                                   endpoint, status.error_message())),
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
    : channel(grpc::CreateCustomChannel("dns:///" + endpoint, grpc::InsecureChannelCredentials(),
                                        Arguments())),
      key_value(channel),
      peer(channel) {}

PeerLink::Server& PeerLink::To(const std::string& endpoint) {
  MutexLock lock(mutex_);
  std::unique_ptr<Server>& server = servers_[endpoint];
  if (server == nullptr) server = std::make_unique<Server>(endpoint);
  return *server;
}

absl::Status PeerLink::Begin(const std::shared_ptr<grpc::ClientContext>& call, size_t bytes) {
  MutexLock lock(mutex_);
  if (stopped_) return absl::UnavailableError("the server is shutting down");
  if (bytes != 0 && bytes_ != 0 && bytes_ + bytes > passed_on_bytes_max_) {
    return absl::ResourceExhaustedError(fmt::format(
        "the server is overloaded: {} bytes of writes wait for the leader to take them", bytes_));
  }
  bytes_ += bytes;
  calls_.emplace(call, bytes);
  return absl::OkStatus();
}

void PeerLink::MakeRoom(const std::shared_ptr<grpc::ClientContext>& call) {
  MutexLock lock(mutex_);
  bytes_ -= std::exchange(calls_[call], 0);
}

void PeerLink::End(const std::shared_ptr<grpc::ClientContext>& call) {
  MutexLock lock(mutex_);
  calls_.erase(call);
  ended_.NotifyAll();
}

void PeerLink::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  for (const auto& [call, bytes] : calls_) call->TryCancel();
  while (!calls_.empty()) ended_.Wait(mutex_);
}

bool PeerLink::IsPassedOn(const grpc::CallbackServerContext& context) {
  return context.client_metadata().count(kPassedOn) != 0;
}

template <typename Request, typename Reply>
absl::Status PeerLink::PassOn(const std::string& endpoint, PendingCall& call,
                              const Request& request, Reply& reply) {
  const auto context = std::make_shared<grpc::ClientContext>();
  context->AddMetadata(kPassedOn, "1");
  context->set_deadline(call.context()->raw_deadline());
  TRIPLA_RETURN_IF_ERROR(Begin(context, request.ByteSizeLong()));
  Send(To(endpoint).key_value, *context, request, reply,
       [this, context, &call, endpoint, &reply](const grpc::Status& status) {
         MakeRoom(context);  // before the client can go on
         Finish(call, *context, endpoint, status, reply.ByteSizeLong());
         End(context);
       });
  return absl::OkStatus();
}

template absl::Status PeerLink::PassOn(const std::string&, PendingCall&, const v1::SetRequest&,
                                       v1::Reply&);
template absl::Status PeerLink::PassOn(const std::string&, PendingCall&, const v1::DelRequest&,
                                       v1::Reply&);
template absl::Status PeerLink::PassOn(const std::string&, PendingCall&,
                                       const v1::DelVersionRequest&, v1::Reply&);
template absl::Status PeerLink::PassOn(const std::string&, PendingCall&,
                                       const v1::TestAndSetRequest&, v1::Reply&);
template absl::Status PeerLink::PassOn(const std::string&, PendingCall&, const v1::BatchRequest&,
                                       v1::BatchReply&);

template <typename Method, typename Request, typename Reply, typename Answer>
void PeerLink::Ask(const std::string& endpoint, Method method, Request request,
                   std::function<Answer(const Reply&)> read,
                   std::function<void(const absl::StatusOr<Answer>&)> answer) {
  struct Question {
    Request request;
    Reply reply;
  };
  const auto context = std::make_shared<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + kAnswerPatience);
  if (absl::Status begun = Begin(context, 0); !begun.ok()) return answer(begun);
  const auto question = std::make_shared<Question>(Question{std::move(request), {}});
  (To(endpoint).peer.async()->*method)(
      context.get(), &question->request, &question->reply,
      [this, context, question, endpoint, read = std::move(read),
       answer = std::move(answer)](const grpc::Status& status) {
        if (status.ok()) {
          answer(read(question->reply));
        } else {
          answer(absl::UnavailableError(
              fmt::format("{} did not answer ({})", endpoint, status.error_message())));
        }
        End(context);
      });
}

void PeerLink::AskReadIndex(const std::string& endpoint, const std::string& cluster, Proof proof,
                            std::function<void(const absl::StatusOr<LogIndex>&)> answer) {
  internal::ReadIndexRequest request;
  request.set_cluster(cluster);
  request.set_by_entry(proof == Proof::kEntry);
  using Method = void (internal::Peer::Stub::async::*)(
      grpc::ClientContext*, const internal::ReadIndexRequest*, internal::ReadIndexReply*,
      std::function<void(grpc::Status)>);
  Ask<Method, internal::ReadIndexRequest, internal::ReadIndexReply, LogIndex>(
      endpoint, &internal::Peer::Stub::async::ReadIndex, std::move(request),
      [](const internal::ReadIndexReply& reply) { return reply.index(); }, std::move(answer));
}

void PeerLink::AskStateHashes(
    const std::string& endpoint, const std::string& cluster, const std::vector<LogIndex>& indexes,
    std::function<void(const absl::StatusOr<std::map<LogIndex, StateHash>>&)> answer) {
  internal::StateHashesRequest request;
  request.set_cluster(cluster);
  for (const LogIndex index : indexes) request.add_indexes(index);
  using Method = void (internal::Peer::Stub::async::*)(
      grpc::ClientContext*, const internal::StateHashesRequest*, internal::StateHashesReply*,
      std::function<void(grpc::Status)>);
  Ask<Method, internal::StateHashesRequest, internal::StateHashesReply,
      std::map<LogIndex, StateHash>>(endpoint, &internal::Peer::Stub::async::StateHashes,
                                     std::move(request), &ReadHashes, std::move(answer));
}

void PeerLink::AskLogState(
    const std::string& endpoint, const std::string& cluster,
    std::function<void(const absl::StatusOr<internal::LogStateReply>&)> answer) {
  internal::LogStateRequest request;
  request.set_cluster(cluster);
  using Method = void (internal::Peer::Stub::async::*)(
      grpc::ClientContext*, const internal::LogStateRequest*, internal::LogStateReply*,
      std::function<void(grpc::Status)>);
  Ask<Method, internal::LogStateRequest, internal::LogStateReply, internal::LogStateReply>(
      endpoint, &internal::Peer::Stub::async::LogState, std::move(request),
      [](const internal::LogStateReply& reply) { return reply; }, std::move(answer));
}

}  // namespace tripla
