// SPDX-License-Identifier: Apache-2.0
#include "server/transport.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "model/limits.h"
#include "rpc/listening_socket.h"
#include "rpc/reflection_service.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;

// A cut connection is noticed within 15 s (spec 5): a ping after 10 s of silence, 5 s to answer.
constexpr milliseconds kKeepalive{10'000};
constexpr milliseconds kKeepaliveTimeout{5'000};

// At a stop every accepted write is answered first; then replies have this long to reach their
// clients. Clients that stall or do not read must not delay the stop.
constexpr milliseconds kStopPatience{1'000};

// Replies with little data, which UnsentReplies does not count.
constexpr size_t kSmallReplyBytesMax = size_t{64} << 20;

// Requests up to this size reach our own checks, whose errors name the limit of a value.
size_t MessageBytesMax(size_t data_bytes_max) {
  return 2 * std::max(data_bytes_max, limits::kBatchBytesMax) + (size_t{1} << 20);
}

rpc::RpcServer::Options OptionsOf(const Options& options) {
  const size_t message_bytes_max = MessageBytesMax(options.data_bytes_max);
  return {
      .listen = options.listen,
      .limits = {.message_bytes_max = message_bytes_max,
                 .calls_max = limits::kCallsPerConnectionMax,
                 .keepalive = kKeepalive,
                 .keepalive_timeout = kKeepaliveTimeout,
                 .age = options.max_connection_age,
                 .age_grace = options.max_connection_age_grace},
      .incoming_bytes_max = std::max(limits::kIncomingBytesMax, 2 * message_bytes_max),
      // More than UnsentReplies lets through, so that its rules decide.
      .unsent_bytes_max = limits::kUnsentReplyBytesMax +
                          std::max(options.data_bytes_max, limits::kBatchReplyBytesMax) +
                          kSmallReplyBytesMax,
  };
}

// That a server cannot listen on `address`, for the system's reason, and what to do.
absl::Status CannotListen(const std::string& address, const std::string& why) {
  return absl::UnavailableError(fmt::format(
      "cannot listen on {}: {}; {} another address with --listen", address, why,
      why == std::strerror(EADDRINUSE) ? "stop what listens there, or choose" : "choose"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Transport>> Transport::Start(
    const Options& options, const std::function<void(rpc::Methods&)>& add) {
  std::unique_ptr<Transport> started(new Transport);
  add(started->methods_);
  started->health_.AddTo(started->methods_);
  if (options.reflection) rpc::AddReflection(started->methods_);
  started->SetReady(false);
  auto server = rpc::RpcServer::Start(started->methods_, OptionsOf(options));
  if (absl::IsUnavailable(server.status())) {
    return CannotListen(options.listen, std::string(server.status().message()));
  }
  if (!server.ok()) return server.status();
  started->server_ = *std::move(server);
  started->address_ = options.listen.substr(0, options.listen.rfind(':') + 1) +
                      std::to_string(started->server_->port());
  return started;
}

void Transport::Stop() {
  health_.EndWatches();
  server_->Stop(kStopPatience);
}

absl::Status CheckListening(const std::string& address) {
  const auto sockets = rpc::ListenOn(address);
  if (sockets.ok()) return absl::OkStatus();
  return CannotListen(address, std::string(sockets.status().message()));
}

}  // namespace tripla
