// SPDX-License-Identifier: Apache-2.0
//
// What a stranger sends on a connection: whatever it is, the connection ends once the stranger has
// hung up, every call that reached a handler was ended, and nothing is held any more.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "rpc/connection.h"
#include "rpc/methods.h"
#include "testing/testing.pb.h"

namespace tripla::rpc {
namespace {

// Answers each message of a stream by itself.
void Echo(const CallPtr& call) {
  call->Read([call](const std::optional<std::string>& bytes) {
    grpc::testing::StreamingOutputCallResponse message;
    if (!bytes || !message.ParseFromString(*bytes)) return call->Finish();
    call->Write(message, [call](bool) { Echo(call); });
  });
}

// A server with one loop, and connections that are given to it.
struct Server {
  Server() {
    const auto& service =
        *grpc::testing::Empty::descriptor()->file()->FindServiceByName("TestService");
    methods.Add<grpc::testing::Empty>(
        service, "EmptyCall",
        [](CallPtr call, const grpc::testing::Empty& message) { call->Reply(message); });
    methods.AddStream(service, "FullDuplexCall", Echo);
    auto started = EventLoop::Start();
    TRIPLA_CHECK(started.ok(), "there are descriptors");
    loop = *std::move(started);
  }
  ~Server() {
    loop->Stop(EventLoop::Clock::now());
    loop->Join();
  }

  void Serve(int fd) {
    loop->Post([this, fd] {
      loop->Add(std::make_unique<Connection>(*loop, shared, ByteStream(fd), "somebody",
                                             *admission.Enter("somebody")),
                EPOLLIN);
    });
  }
  // Waits until the loop has done all that it was given.
  void Settle() {
    std::promise<void> done;
    loop->Post([&done] { done.set_value(); });
    done.get_future().wait();
  }

  Methods methods;
  Shared shared{methods, {.message_bytes_max = 100'000}, size_t{1} << 20, size_t{1} << 20};
  Admission admission{{.connections = 10, .from_one_address = 10}};
  std::unique_ptr<EventLoop> loop;
};

// Sends the bytes and hangs up in this direction; reads what comes until the server hangs up.
void Converse(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    std::array<char, 65536> answer;
    while (recv(fd, answer.data(), answer.size(), MSG_DONTWAIT) > 0) {
    }
    const ssize_t sent = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) break;
    bytes.remove_prefix(sent < 0 ? 0 : static_cast<size_t>(sent));
  }
  shutdown(fd, SHUT_WR);
  while (true) {
    pollfd waits{.fd = fd, .events = POLLIN};
    TRIPLA_CHECK(poll(&waits, 1, 20'000) == 1, "the connection ends");
    std::array<char, 65536> answer;
    if (recv(fd, answer.data(), answer.size(), 0) <= 0) return;
  }
}

}  // namespace
}  // namespace tripla::rpc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static tripla::rpc::Server server;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  // Most inputs should get beyond the first bytes.
  if (size > 0 && data[0] != 'P') {
    bytes.replace(0, 1, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  }
  std::array<int, 2> sockets{};
  TRIPLA_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets.data()) == 0,
               "there are descriptors");
  server.Serve(sockets[0]);
  tripla::rpc::Converse(sockets[1], bytes);
  close(sockets[1]);
  server.Settle();
  server.Settle();
  TRIPLA_CHECK(server.shared.incoming.bytes() == 0, "nothing is held");
  TRIPLA_CHECK(server.shared.unsent.bytes() == 0, "nothing is held");
  TRIPLA_CHECK(server.admission.connections() == 0, "it has given its place back");
  return 0;
}
