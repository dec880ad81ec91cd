// SPDX-License-Identifier: Apache-2.0
#include "rpc/rpc_server.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/status_macros.h"

namespace tripla::rpc {
namespace {

int LoopsFor(int wanted) {
  if (wanted > 0) return wanted;
  constexpr int kMost = 8;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return cores <= 2 ? 1 : std::min(cores, kMost);
}

// One address may not take what is meant for all.
Admission::Limits AdmissionFor(size_t connections_max) {
  const size_t connections = ConnectionsMax(connections_max);
  return {.connections = connections, .from_one_address = connections - connections / 4};
}

}  // namespace

RpcServer::RpcServer(const Methods& methods, const Options& options)
    : shared_(methods, options.limits, options.incoming_bytes_max, options.unsent_bytes_max),
      admission_(AdmissionFor(options.connections_max)) {}

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const Methods& methods,
                                                            const Options& options) {
  std::unique_ptr<RpcServer> server(new RpcServer(methods, options));
  for (int i = 0; i < LoopsFor(options.loops); ++i) {
    TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<EventLoop> loop, EventLoop::Start());
    server->loops_.push_back(std::move(loop));
  }
  TRIPLA_RETURN_IF_ERROR(server->Listen(options));
  return server;
}

absl::Status RpcServer::Listen(const Options& options) {
  EventLoop& loop = *loops_.front();
  const auto accepted = [this](ByteStream stream, std::string peer, Admission::Place place) {
    Accept(std::move(stream), std::move(peer), std::move(place));
  };
  TRIPLA_ASSIGN_OR_RETURN(std::vector<ListeningSocket> sockets, ListenOn(options.listen));
  port_ = sockets.front().port();
  // Shared, because what is posted must be possible to copy.
  const auto listeners = std::make_shared<std::vector<std::unique_ptr<Listener>>>();
  for (ListeningSocket& socket : sockets) {
    listeners->push_back(std::make_unique<Listener>(std::move(socket), loop, admission_, accepted));
  }
  loop.Post([&loop, listeners] {
    for (std::unique_ptr<Listener>& listener : *listeners) loop.Add(std::move(listener), EPOLLIN);
  });
  return absl::OkStatus();
}

void RpcServer::Accept(ByteStream stream, std::string peer, Admission::Place place) {
  EventLoop& loop = *loops_[next_loop_++ % loops_.size()];
  const auto connection =
      std::make_shared<std::unique_ptr<Connection>>(std::make_unique<Connection>(
          loop, shared_, std::move(stream), std::move(peer), std::move(place)));
  const auto add = [&loop, connection] {
    Connection& added = **connection;
    loop.Add(std::move(*connection), EPOLLIN);
    // Sends the server's settings.
    loop.AskTurnEnd(added);
  };
  if (loop.IsHere()) return add();
  loop.Post(add);
}

RpcServer::~RpcServer() { Stop(std::chrono::milliseconds(0)); }

void RpcServer::Stop(std::chrono::milliseconds patience) {
  const auto deadline = EventLoop::Clock::now() + patience;
  for (const std::unique_ptr<EventLoop>& loop : loops_) loop->Stop(deadline);
  for (const std::unique_ptr<EventLoop>& loop : loops_) loop->Join();
  // All of its calls have ended, for the loops wait for them.
  shared_.large_requests.Stop();
}

}  // namespace tripla::rpc
