// SPDX-License-Identifier: Apache-2.0
#include "load/null_server.h"

#include <grpcpp/server_builder.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "base/check.h"
#include "load/null.grpc.pb.h"

namespace tripla::load {
namespace {

class NullService : public internal::Null::CallbackService {
 public:
  grpc::ServerUnaryReactor* Call(grpc::CallbackServerContext* context, const internal::Nothing*,
                                 internal::Nothing*) override {
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// Serves until the other end of `lifeline` is closed. Writes its port, 0 for none, to `port_to`.
void Serve(int lifeline, int port_to) {
  NullService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  char byte = 0;
  if (write(port_to, &port, sizeof(port)) != sizeof(port)) return;
  while (read(lifeline, &byte, sizeof(byte)) > 0) {
  }
}

}  // namespace

NullServer::NullServer() {
  int lifeline[2];
  int ports[2];
  TRIPLA_CHECK(pipe(lifeline) == 0 && pipe(ports) == 0, "pipes to the null server");
  process_ = fork();
  TRIPLA_CHECK(process_ >= 0, "a process for the null server");
  if (process_ == 0) {
    // Ctrl-C is for the parent, whose end ends this.
    std::signal(SIGINT, SIG_IGN);
    close(lifeline[1]);
    Serve(lifeline[0], ports[1]);
    _exit(0);
  }
  close(lifeline[0]);
  close(ports[1]);
  lifeline_ = lifeline[1];
  int port = 0;
  if (read(ports[0], &port, sizeof(port)) != sizeof(port) || port == 0) {
    // For want of memory or threads, as a rule; it has said so.
    std::fputs("tripla-bench: the null server did not start\n", stderr);
    _exit(1);
  }
  close(ports[0]);
  endpoint_ = "127.0.0.1:" + std::to_string(port);
}

NullServer::~NullServer() {
  close(lifeline_);
  // It holds nothing that needs an orderly end, and without memory gRPC may wait in it for ever.
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

}  // namespace tripla::load
