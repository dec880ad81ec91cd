// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "rpc/connection.h"
#include "rpc/event_loop.h"
#include "rpc/listener.h"
#include "rpc/methods.h"

namespace tripla::rpc {

// A server for clients of gRPC (R15).
//
//   Methods methods;
//   methods.Add<v1::GetRequest>(service, "Get", [](CallPtr call, v1::GetRequest request) {
//     call->Reply(...);
//   });
//   TRIPLA_ASSIGN_OR_RETURN(auto server, RpcServer::Start(methods, {.listen = "127.0.0.1:7420"}));
//
// Thread-safety: Stop() from one thread, none of its loops.
class RpcServer {
 public:
  struct Options {
    std::string listen;  // HOST:PORT
    // 0: one for each core, up to eight; a single one on two cores, where others need the second.
    int loops = 0;
    size_t connections_max = 65'536;  // fewer when there are fewer descriptors
    ConnectionLimits limits;
    // Of unfinished requests; one request may be larger.
    size_t incoming_bytes_max = size_t{48} << 20;
    // Of answers that are not sent.
    size_t unsent_bytes_max = size_t{256} << 20;
  };

  // It listens when this returns. `methods` outlives the server.
  //
  // Errors: Unavailable when it cannot listen, with the system's reason; ResourceExhausted when
  // there is no descriptor for it.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<RpcServer>> Start(const Methods& methods,
                                                                        const Options& options);

  // Stops at once.
  ~RpcServer();
  RpcServer(const RpcServer&) = delete;
  RpcServer& operator=(const RpcServer&) = delete;

  // The port on which it listens.
  [[nodiscard]] int port() const { return port_; }

  // Takes no new calls, and waits until those in flight are answered, for so long at most; then
  // they are cancelled. Returns when all handlers are done. Idempotent.
  void Stop(std::chrono::milliseconds patience);

 private:
  RpcServer(const Methods& methods, const Options& options);

  absl::Status Listen(const Options& options);
  void Accept(ByteStream stream, std::string peer, Admission::Place place);

  Shared shared_;
  Admission admission_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  size_t next_loop_ = 0;  // of the first loop's thread
  int port_ = 0;
};

}  // namespace tripla::rpc
