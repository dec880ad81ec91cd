// SPDX-License-Identifier: Apache-2.0
#include "load/null_server.h"

#include <fmt/core.h>
#include <grpcpp/server_builder.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <memory>

#include "base/check.h"
#include "load/exit_code.h"
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

[[noreturn]] void End(const char* why) {
  std::fputs(fmt::format("tripla-bench: {}\n", why).c_str(), stderr);
  _exit(static_cast<int>(ExitCode::kInternal));
}

// Serves until the other end of `lifeline` is closed. Writes its port, 0 for none, to `port_to`.
// Ends the process: the end of a server may wait for threads for ever.
[[noreturn]] void Serve(int lifeline, int port_to) {
  NullService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) port = 0;
  char byte = 0;
  const bool told = write(port_to, &port, sizeof(port)) == sizeof(port);
  while (told && port != 0 && read(lifeline, &byte, sizeof(byte)) > 0) {
  }
  _exit(0);
}

}  // namespace

NullServer::NullServer() {
  int lifeline[2];
  int ports[2];
  TRIPLA_CHECK(pipe(lifeline) == 0 && pipe(ports) == 0, "pipes to the null server");
  process_ = fork();
  if (process_ < 0) End("no process can be started; allow more (see ulimit -u)");
  if (process_ == 0) {
    // Ctrl-C is for the parent, whose end ends this.
    std::signal(SIGINT, SIG_IGN);
    close(lifeline[1]);
    Serve(lifeline[0], ports[1]);
  }
  close(lifeline[0]);
  close(ports[1]);
  lifeline_ = lifeline[1];
  int port = 0;
  if (read(ports[0], &port, sizeof(port)) != sizeof(port) || port == 0) {
    int status = 0;
    // Want of memory or of threads it has said itself.
    const bool said = waitpid(process_, &status, 0) == process_ && WIFEXITED(status) &&
                      WEXITSTATUS(status) == static_cast<int>(ExitCode::kInternal);
    if (said) _exit(static_cast<int>(ExitCode::kInternal));
    End("the null server did not start; check that 127.0.0.1 can be listened on");
  }
  close(ports[0]);
  endpoint_ = "127.0.0.1:" + std::to_string(port);
}

bool NullServer::HasEnded() {
  if (process_ > 0 && waitpid(process_, nullptr, WNOHANG) == process_) process_ = 0;
  return process_ == 0;
}

NullServer::~NullServer() {
  close(lifeline_);
  if (HasEnded()) return;
  // Nothing here needs an orderly end, and without memory gRPC may wait in it forever.
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

}  // namespace tripla::load
