// SPDX-License-Identifier: Apache-2.0
#include "check/cut_proxy.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace tripla::check {
namespace {

// What is sent to its port is lost without a word: its queue of new connections is full.
class SilentServer {
 public:
  SilentServer() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    const int listener = NewSocket(0);
    EXPECT_TRUE(bind(listener, generic, size) == 0 && listen(listener, 0) == 0 &&
                getsockname(listener, generic, &size) == 0);
    endpoint_ = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
    constexpr int kMoreThanTheQueueHolds = 4;
    for (int i = 0; i < kMoreThanTheQueueHolds; ++i) {
      connect(NewSocket(SOCK_NONBLOCK), generic, size);
    }
  }
  ~SilentServer() {
    for (const int socket : sockets_) close(socket);
  }
  const std::string& endpoint() const { return endpoint_; }

 private:
  int NewSocket(int flags) {
    sockets_.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
    return sockets_.back();
  }

  std::vector<int> sockets_;
  std::string endpoint_;
};

TEST(CutProxy, DoesNotWaitLongForAServerThatDoesNotAnswer) {
  const SilentServer server;
  const auto begin = std::chrono::steady_clock::now();
  {
    const CutProxy proxy(server.endpoint(),
                         [](uint64_t /*connection*/) { return std::optional<Cut>(); });
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const std::string& endpoint = proxy.endpoint();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
    ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    pollfd reset{.fd = client, .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&reset, 1, 60'000), 1) << "the client is not told";
    close(client);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

}  // namespace
}  // namespace tripla::check
