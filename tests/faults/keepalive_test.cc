// SPDX-License-Identifier: Apache-2.0
// A connection on which no more bytes arrive, and nobody is told: both sides notice it by their own
// pings within about 15 s (R14, spec 5).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "rpc/rpc_server.h"
#include "service/peer_link.h"
#include "tests/harness/test_server.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

sockaddr_in AddressOf(const std::string& endpoint) {
  sockaddr_in address{.sin_family = AF_INET};
  address.sin_port =
      htons(static_cast<uint16_t>(std::stoi(endpoint.substr(endpoint.find(':') + 1))));
  inet_pton(AF_INET, endpoint.substr(0, endpoint.find(':')).c_str(), &address.sin_addr);
  return address;
}

// Stands between one client and the server, until it swallows what both say; then it waits until
// each has hung up.
//
// Thread-safety: one thread, beside its own.
class SwallowingProxy {
 public:
  explicit SwallowingProxy(const std::string& server) : server_(AddressOf(server)) {
    sockaddr_in address = AddressOf("127.0.0.1:0");
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    endpoint_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Run(); });
  }
  ~SwallowingProxy() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  SwallowingProxy(const SwallowingProxy&) = delete;
  SwallowingProxy& operator=(const SwallowingProxy&) = delete;

  const std::string& endpoint() const { return endpoint_; }

  // How long client and server took to hang up after it had begun to swallow.
  std::array<std::optional<steady_clock::duration>, 2> SwallowUntilBothHaveHungUp() {
    const auto start = steady_clock::now();
    swallows_ = true;
    thread_.join();
    std::array<std::optional<steady_clock::duration>, 2> took;
    for (size_t side = 0; side < 2; ++side) {
      if (hung_up_[side]) took[side] = *hung_up_[side] - start;
    }
    return took;
  }

 private:
  static constexpr seconds kPatience{40};

  void Run() {
    std::array<pollfd, 2> sides{pollfd{accept(listener_, nullptr, nullptr), POLLIN, 0},
                                pollfd{socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0}};
    EXPECT_EQ(connect(sides[1].fd, reinterpret_cast<const sockaddr*>(&server_), sizeof(server_)),
              0);
    const auto deadline = steady_clock::now() + kPatience;
    while (!(hung_up_[0] && hung_up_[1]) && steady_clock::now() < deadline) {
      constexpr int kLookMs = 100;
      poll(sides.data(), sides.size(), kLookMs);
      for (size_t side = 0; side < 2; ++side) {
        if (sides[side].revents != 0) Pass(sides[side], sides[1 - side].fd, side);
      }
    }
    for (const pollfd& side : sides) close(side.fd < 0 ? ~side.fd : side.fd);
  }

  // Takes what one side says. A descriptor that is turned negative is polled no more.
  void Pass(pollfd& from, int to, size_t side) {
    std::array<char, 65536> buffer;
    const ssize_t count = read(from.fd, buffer.data(), buffer.size());
    if (count <= 0) {
      hung_up_[side] = steady_clock::now();
      from.fd = ~from.fd;
    } else if (!swallows_) {
      EXPECT_EQ(send(to, buffer.data(), static_cast<size_t>(count), MSG_NOSIGNAL), count);
    }
  }

  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in server_;
  std::string endpoint_;
  std::atomic<bool> swallows_ = false;
  std::array<std::optional<steady_clock::time_point>, 2> hung_up_;  // the thread's, until it ends
  std::thread thread_;
};

TEST(Keepalive, R14_BothSidesNoticeThatNothingArrivesAnyMore) {
  // A ping after 10 s without a word, 5 s for its answer. The client was seen to take 5 s more; and
  // some for a busy machine.
  constexpr seconds kEarliest{9};
  constexpr seconds kLatest{26};
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  SwallowingProxy proxy(server.endpoint());
  Client client({.endpoints = {proxy.endpoint()}});
  ASSERT_TRUE(client.Set(*Key::Parse("1"), 1, "data").ok());
  const auto took = proxy.SwallowUntilBothHaveHungUp();
  for (const size_t side : {0, 1}) {
    SCOPED_TRACE(side == 0 ? "the client" : "the server");
    using Seconds = std::chrono::duration<double>;
    std::cout << Seconds(took[side].value_or(kLatest)).count() << " s\n";
    EXPECT_GT(took[side], kEarliest) << "never noticed, or not by its ping";
    EXPECT_LT(took[side].value_or(kLatest), kLatest);
  }
}

// Forwards what it takes to one server, as a replica does to its leader.
class Forwarder {
 public:
  explicit Forwarder(std::string leader) : leader_(std::move(leader)) {
    methods_.Add<v1::SetRequest>(
        *v1::SetRequest::descriptor()->file()->FindServiceByName("KeyValue"), "Set",
        [this](rpc::CallPtr call, v1::SetRequest request) {
          peers_.PassOn(leader_, std::make_shared<PendingCall>(std::move(call), unsent_),
                        std::move(request));
        });
    server_ = *rpc::RpcServer::Start(methods_, {.listen = "127.0.0.1:0"});
    stub_ = v1::KeyValue::NewStub(Connect("127.0.0.1:" + std::to_string(server_->port())));
  }

  v1::KeyValue::Stub& stub() { return *stub_; }

 private:
  const std::string leader_;
  UnsentReplies unsent_;
  PeerLink peers_;
  rpc::Methods methods_;
  std::unique_ptr<rpc::RpcServer> server_;
  std::unique_ptr<v1::KeyValue::Stub> stub_;
};

// After two seconds without a sign of life such a write ended with an unknown outcome.
TEST(Keepalive, C14_AWriteThatIsForwardedOutlastsALeaderThatIsStarved) {
  constexpr seconds kStarved{4};
  const TemporaryDirectory directory;
  TestServer leader(directory.path());
  Forwarder forwarder(leader.endpoint());
  ASSERT_TRUE(Set(forwarder.stub(), "1", 0, "before").status.ok());
  leader.process().Signal(SIGSTOP);
  std::thread feeds([&] {
    std::this_thread::sleep_for(kStarved);
    leader.process().Signal(SIGCONT);
  });
  const CallAnswer answer = Set(forwarder.stub(), "2", 0, "meanwhile");
  feeds.join();
  EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
}

}  // namespace
}  // namespace tripla
