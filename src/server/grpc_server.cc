// SPDX-License-Identifier: Apache-2.0
#include "server/grpc_server.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "health/health.grpc.pb.h"
#include "model/limits.h"
#include "server/grpc_messages.h"
#include "server/listen_error.h"
#include "server/readiness.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {
namespace {

// A cut connection is noticed within 15 s (spec 5): a ping after 10 s of silence, 5 s to answer.
// Earlier pings would allow a longer time to answer, but gRPC 1.51 may abort (frame_settings.cc:84)
// when it pings connections of a burst that it is still accepting; 10,000 take some seconds on a
// slow machine.
constexpr int kKeepaliveMs = 10'000;
constexpr int kKeepaliveTimeoutMs = 5'000;
// Clients may ping as often as this, also between calls.
constexpr int kClientPingMinMs = 5'000;

// At a stop every accepted write is answered first; then replies have this long to reach their
// clients. Clients that stall or do not read must not delay the stop.
constexpr std::chrono::seconds kShutdownPatience{1};

// Requests up to this size reach our own checks, whose error names the limit and says that nothing
// was applied. gRPC refuses larger ones unread.
size_t ReceiveBytesMax(size_t data_bytes_max) {
  return 2 * std::max(data_bytes_max, limits::kBatchBytesMax) + (size_t{1} << 20);
}

// gRPC's reflection adds itself to every server once it is linked in; this removes it from one.
class WithoutReflection : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

void Configure(grpc::ServerBuilder& builder, const Options& options) {
  if (!options.reflection) builder.SetOption(std::make_unique<WithoutReflection>());
  const size_t receive_bytes_max = ReceiveBytesMax(options.data_bytes_max);
  builder.SetMaxReceiveMessageSize(static_cast<int>(receive_bytes_max));
  builder.SetResourceQuota(grpc::ResourceQuota("incoming")
                               .Resize(std::max(limits::kIncomingBytesMax, 2 * receive_bytes_max)));
  // A compressed megabyte may expand to a gigabyte before any of our checks sees it.
  for (const grpc_compression_algorithm packed : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder.SetCompressionAlgorithmSupportStatus(packed, false);
  }
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, limits::kCallsPerConnectionMax);
  builder.SetMaxSendMessageSize(-1);                        // refusals carry stored data back (R14)
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);  // two servers on a port is an error
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kClientPingMinMs);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
  if (options.max_connection_age.count() == 0) return;
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             static_cast<int>(options.max_connection_age.count()));
  if (options.max_connection_age_grace.count() == 0) return;
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                             static_cast<int>(options.max_connection_age_grace.count()));
}

// Blocks one of gRPC's two polling threads for the life of the process. With two they hand the
// sockets to each other after every event (docs/decisions/0014-one-thread-polls.md).
[[maybe_unused]] void LetOneThreadPoll() {
  struct Parked {
    std::unique_ptr<v1::Admin::Stub> stub = v1::Admin::NewStub(grpc::CreateChannel("", nullptr));
    grpc::ClientContext context;
    v1::StatusRequest request;
    v1::StatusReply reply;
  };
  static auto* const parked = new Parked;
  // A channel without credentials fails its calls at once, so the callback runs on one of the two
  // threads, and never returns.
  parked->stub->async()->Status(&parked->context, &parked->request, &parked->reply,
                                [](const grpc::Status&) {
                                  while (true) std::this_thread::sleep_for(std::chrono::hours(1));
                                });
}

// Process-wide settings of the gRPC library; each takes effect on servers built later.
void PrepareGrpc() {
  // There is no grpc_shutdown(): it may wait ten seconds for an idle polling thread.
  grpc_init();
  TellGrpcMessages();
  // gRPC uses Abseil's mutexes, and Debian builds these with deadlock detection: 7 % of a call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  grpc::EnableDefaultHealthCheckService(true);
#ifndef TRIPLA_SANITIZED  // sanitizers are too slow for one thread: see kKeepaliveMs
  static std::once_flag once;
  if (std::thread::hardware_concurrency() <= 2) std::call_once(once, LetOneThreadPoll);
#endif
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
}

// The services that reflection v1 lists; v1alpha finds them itself.
std::vector<std::string> Names(const std::vector<GrpcServer::Offered>& services) {
  std::vector<std::string> names = {
      grpc::health::v1::Health::service_full_name(),
      grpc::reflection::v1::ServerReflection::service_full_name(),
      "grpc.reflection.v1alpha.ServerReflection",
  };
  for (const GrpcServer::Offered& offered : services) names.emplace_back(offered.name);
  // Links the descriptor in for reflection; gRPC serves health without it.
  TRIPLA_CHECK(grpc::health::v1::HealthCheckRequest::descriptor() != nullptr, "it is linked in");
  return names;
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcServer>> GrpcServer::Start(
    const Options& options, const std::vector<Offered>& services) {
  PrepareGrpc();
  std::unique_ptr<GrpcServer> started(new GrpcServer);
  grpc::ServerBuilder builder;
  Configure(builder, options);
  int port = 0;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(), &port);
  for (const Offered& offered : services) builder.RegisterService(&offered.service);
  if (options.reflection) {
    started->reflection_service_ = std::make_unique<ReflectionService>(Names(services));
    builder.RegisterService(started->reflection_service_.get());
  }
  started->server_ = builder.BuildAndStart();
  if (started->server_ == nullptr || port == 0) {
    const std::string error = ListenError(options.listen);
    return CannotListen(options.listen, error.empty() ? "gRPC refused the address" : error);
  }
  started->address_ =
      options.listen.substr(0, options.listen.rfind(':') + 1) + std::to_string(port);
  started->SetReady(false);
  return started;
}

void GrpcServer::SetReady(bool ready) {
  server_->GetHealthCheckService()->SetServingStatus(kReadinessService, ready);
}

void GrpcServer::Stop() {
  server_->Shutdown(std::chrono::system_clock::now() + kShutdownPatience);
  server_->Wait();
}

}  // namespace tripla
