// SPDX-License-Identifier: Apache-2.0
// rpc_test_server LISTEN: serves grpc.testing.TestService on the server's transport until SIGTERM.
#include <fmt/core.h>

#include <csignal>
#include <cstdio>

#include "rpc/health_service.h"
#include "rpc/reflection_service.h"
#include "rpc/rpc_server.h"
#include "tests/rpc/test_service.h"

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  tripla::rpc::Methods methods;
  tripla::rpc::HealthService health;
  tripla::TestService service(methods);
  health.AddTo(methods);
  tripla::rpc::AddReflection(methods);
  const auto server = tripla::rpc::RpcServer::Start(
      methods, {.listen = argc > 1 ? argv[1] : "127.0.0.1:0",
                // So that what clients do shows in memory only beyond these.
                .incoming_bytes_max = size_t{32} << 20,
                .unsent_bytes_max = size_t{32} << 20});
  if (!server.ok()) {
    fmt::print(stderr, "{}\n", std::string(server.status().message()));
    return 1;
  }
  fmt::print(stderr, "ready on 127.0.0.1:{}\n", (*server)->port());
  int signal = 0;
  sigwait(&signals, &signal);
  health.EndWatches();
  (*server)->Stop(std::chrono::seconds(1));
  return 0;
}
