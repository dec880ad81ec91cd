// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/slow_proxy.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/check.h"

namespace tripla {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPartsOfASecond = 50;

sockaddr_in Loopback(int port) {
  return {.sin_family = AF_INET,
          .sin_port = htons(static_cast<uint16_t>(port)),
          .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

int NewSocket() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

bool SendAll(int to, const char* bytes, ssize_t count) {
  while (count > 0) {
    const ssize_t sent = send(to, bytes, static_cast<size_t>(count), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes += sent;
    count -= sent;
  }
  return true;
}

void HangUp(int one, int other) {
  shutdown(one, SHUT_RDWR);
  shutdown(other, SHUT_RDWR);
}

}  // namespace

SlowProxy::SlowProxy(int port, int server_port, uint64_t bytes_a_second)
    : server_port_(server_port), bytes_a_second_(bytes_a_second), listener_(Keep(NewSocket())) {
  const int on = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port);
  TRIPLA_CHECK(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
                   listen(listener_, 64) == 0,
               "a port of this test can be listened on");
  acceptor_ = std::thread([this] { Accept(); });
}

SlowProxy::~SlowProxy() {
  stopped_ = true;
  {
    const MutexLock lock(mutex_);
    for (const int descriptor : descriptors_) shutdown(descriptor, SHUT_RDWR);
  }
  acceptor_.join();
  for (std::thread& link : links_) link.join();
  const MutexLock lock(mutex_);
  for (const int descriptor : descriptors_) close(descriptor);
}

int SlowProxy::Keep(int descriptor) {
  const MutexLock lock(mutex_);
  descriptors_.push_back(descriptor);
  if (stopped_) shutdown(descriptor, SHUT_RDWR);
  return descriptor;
}

void SlowProxy::Accept() {
  while (true) {
    const int client = accept(listener_, nullptr, nullptr);
    if (client < 0) return;
    Keep(client);
    const int server = Keep(NewSocket());
    const sockaddr_in address = Loopback(server_port_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      HangUp(client, server);
      continue;
    }
    links_.emplace_back([=, this] { PassSlowly(client, server); });
    links_.emplace_back([=, this] { Pass(server, client); });
  }
}

void SlowProxy::PassSlowly(int from, int to) const {
  std::array<char, 64 << 10> bytes{};
  while (!stopped_) {
    const uint64_t rate = bytes_a_second_;
    const size_t most = std::min<size_t>(bytes.size(), rate / kPartsOfASecond);
    const ssize_t count = recv(from, bytes.data(), most, 0);
    if (count <= 0 || !SendAll(to, bytes.data(), count)) break;
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::chrono::seconds(1)) * count /
                                static_cast<int64_t>(rate));
  }
  HangUp(from, to);
}

void SlowProxy::Pass(int from, int to) const {
  std::array<char, 64 << 10> bytes{};
  while (true) {
    const ssize_t count = recv(from, bytes.data(), bytes.size(), 0);
    if (count <= 0 || !SendAll(to, bytes.data(), count)) break;
  }
  HangUp(from, to);
}

}  // namespace tripla
