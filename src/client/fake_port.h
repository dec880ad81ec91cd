// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "base/check.h"

namespace tripla {

// A bound port of this machine, without a gRPC server: with `listens`, connections succeed but
// never get an answer; otherwise they are refused. No other process can take it, but a FakeServer
// can.
class FakePort {
 public:
  explicit FakePort(bool listens = false) {
    constexpr int kOn = 1;  // gRPC's listeners set it too; without it they could not share the port
    setsockopt(socket_, SOL_SOCKET, SO_REUSEPORT, &kOn, sizeof(kOn));
    TRIPLA_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)) == 0,
                 "a port is free");
    socklen_t size = sizeof(address_);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address_), &size);
    if (listens) listen(socket_, 1000);
  }
  ~FakePort() { close(socket_); }
  FakePort(const FakePort&) = delete;
  FakePort& operator=(const FakePort&) = delete;

  [[nodiscard]] int port() const { return ntohs(address_.sin_port); }
  [[nodiscard]] std::string endpoint() const { return fmt::format("127.0.0.1:{}", port()); }
  [[nodiscard]] int Accept() const { return accept(socket_, nullptr, nullptr); }
  // Accept() fails from now on.
  void Shutdown() const { shutdown(socket_, SHUT_RDWR); }

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address_{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
};

}  // namespace tripla
