// SPDX-License-Identifier: Apache-2.0
#include "check/cut_proxy.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace tripla::check {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;
constexpr int kTrickleTickMs = 1;
// Meanwhile nothing else passes. A client that lost patience has gone by then.
constexpr timeval kConnectTimeout{.tv_sec = 1, .tv_usec = 0};

// A TCP socket that is closed with its owner. -1: none.
class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() { Reset(); }

  [[nodiscard]] int get() const { return descriptor_; }
  [[nodiscard]] bool open() const { return descriptor_ >= 0; }

  // Closes it so that the peer is told by RST, not by an orderly end.
  void Reset() {
    if (!open()) return;
    const linger now{.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

void SendAtOnce(const Socket& socket) {
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

// Whether the peer has reset it.
bool Failed(const Socket& socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0;
}

Socket ConnectTo(const std::string& endpoint) {
  const size_t colon = endpoint.rfind(':');
  std::string host = endpoint.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), endpoint.substr(colon + 1).c_str(), &hints, &found) != 0) {
    return Socket();
  }
  Socket connected;
  for (const addrinfo* one = found; one != nullptr && !connected.open(); one = one->ai_next) {
    Socket socket(::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol));
    // Linux tries for two minutes where nobody answers. All else is sent without waiting.
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kConnectTimeout, sizeof(kConnectTimeout));
    if (socket.open() && connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) {
      connected = std::move(socket);
    }
  }
  freeaddrinfo(found);
  if (connected.open()) SendAtOnce(connected);
  return connected;
}

}  // namespace

// One connection: two sockets, and what is on its way between them.
class CutProxy::Link {
 public:
  Link(Socket client, Socket server, std::optional<Cut> cut,
       std::array<std::atomic<uint64_t>, 2>& passed)
      : sockets_{std::move(client), std::move(server)}, cut_(cut), passed_(passed) {
    CutIfDue();
  }

  [[nodiscard]] bool ended() const { return !sockets_[0].open() && !sockets_[1].open(); }
  // Whether bytes wait for their next millisecond.
  [[nodiscard]] bool trickles() const {
    return trickles_ && (!flows_[0].waiting.empty() || !flows_[1].waiting.empty());
  }

  void Watch(std::vector<pollfd>& watched) const {
    for (size_t side = 0; side < 2; ++side) {
      if (!sockets_[side].open()) continue;
      const Flow& out = flows_[side];
      const Flow& in = flows_[1 - side];
      const bool read = !out.ended && out.waiting.size() < kBufferBytes;
      const bool write = !in.waiting.empty() && !trickles_;
      watched.push_back({sockets_[side].get(),
                         static_cast<short>((read ? POLLIN : 0) | (write ? POLLOUT : 0)), 0});
    }
  }

  // Does whatever can be done without waiting.
  void Move() {
    for (size_t side = 0; side < 2; ++side) {
      Receive(side);
      Send(side);
      CutIfDue();
    }
  }

 private:
  // What comes from sockets_[i] and goes to the other: flows_[0] is the requests.
  struct Flow {
    std::string waiting;
    uint64_t taken = 0;  // bytes that passed, or wait to
    bool ended = false;  // its source has closed
    bool end_told = false;
  };

  [[nodiscard]] size_t CutSide() const { return static_cast<size_t>(cut_->direction); }

  void Receive(size_t side) {
    char buffer[kBufferBytes];
    Flow& flow = flows_[side];
    if (!sockets_[side].open()) return;
    if (flow.ended && Failed(sockets_[side])) return End();
    if (flow.ended || flow.waiting.size() >= kBufferBytes) return;
    const ssize_t count = recv(sockets_[side].get(), buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count > 0) {
      Take(side, buffer, static_cast<size_t>(count));
    } else if (count == 0) {
      flow.ended = true;
      if (silent_) End();
    } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      End();
    }
  }

  // What comes behind the place of the cut will be on nobody's side of it.
  void Take(size_t side, const char* bytes, size_t count) {
    Flow& flow = flows_[side];
    if (silent_) return;
    const bool limited = cut_ && CutSide() == side && cut_->kind != CutKind::kTrickle;
    if (limited) count = std::min<uint64_t>(count, cut_->after_bytes - flow.taken);
    flow.waiting.append(bytes, count);
    flow.taken += count;
    // Before they are sent: who has received them finds them counted.
    passed_[side] += count;
  }

  void Send(size_t side) {
    Flow& flow = flows_[side];
    const Socket& to = sockets_[1 - side];
    if (!to.open()) return;
    if (!flow.waiting.empty()) {
      const size_t most = trickles_ ? 1 : flow.waiting.size();
      const ssize_t count = send(to.get(), flow.waiting.data(), most, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (count > 0) {
        flow.waiting.erase(0, static_cast<size_t>(count));
      } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        return End();
      }
    }
    if (flow.ended && flow.waiting.empty() && !flow.end_told) {
      shutdown(to.get(), SHUT_WR);
      flow.end_told = true;
    }
    if (flows_[0].end_told && flows_[1].end_told) End();
  }

  void CutIfDue() {
    if (!cut_ || ended()) return;
    const Flow& flow = flows_[CutSide()];
    const bool slow = cut_->kind == CutKind::kTrickle;
    if (flow.taken < cut_->after_bytes || (!slow && !flow.waiting.empty())) return;
    switch (std::exchange(cut_, std::nullopt)->kind) {
      case CutKind::kReset:
        return End();
      case CutKind::kHalfOpen:
        sockets_[1].Reset();
        [[fallthrough]];
      case CutKind::kSilence:
        silent_ = true;
        for (Flow& one : flows_) one.waiting.clear();
        return;
      case CutKind::kTrickle:
        trickles_ = true;
    }
  }

  void End() {
    for (Socket& socket : sockets_) socket.Reset();
  }

  std::array<Socket, 2> sockets_;  // of the client, of the server
  std::array<Flow, 2> flows_;
  std::optional<Cut> cut_;  // that is still to come
  bool silent_ = false;
  bool trickles_ = false;
  std::array<std::atomic<uint64_t>, 2>& passed_;
};

CutProxy::CutProxy(std::string server, Plan plan)
    : server_(std::move(server)), plan_(std::move(plan)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  stop_ = eventfd(0, EFD_CLOEXEC);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  TRIPLA_CHECK(listener_ >= 0 && stop_ >= 0 && bind(listener_, generic, size) == 0 &&
                   listen(listener_, SOMAXCONN) == 0 && getsockname(listener_, generic, &size) == 0,
               "this machine has a free port, and the process free descriptors");
  endpoint_ = fmt::format("127.0.0.1:{}", ntohs(address.sin_port));
  thread_ = std::thread([this] { Serve(); });
}

CutProxy::~CutProxy() {
  const uint64_t one = 1;
  TRIPLA_CHECK(write(stop_, &one, sizeof(one)) == sizeof(one), "an event takes its count");
  thread_.join();
  close(listener_);
  close(stop_);
}

void CutProxy::Serve() {
  std::vector<pollfd> watched;
  while (true) {
    watched = {{stop_, POLLIN, 0}, {listener_, POLLIN, 0}};
    bool trickles = false;
    for (const auto& link : links_) {
      link->Watch(watched);
      trickles = trickles || link->trickles();
    }
    if (poll(watched.data(), watched.size(), trickles ? kTrickleTickMs : -1) < 0) continue;
    if (watched[0].revents != 0) return;
    if (watched[1].revents != 0) Accept();
    for (const auto& link : links_) link->Move();
    std::erase_if(links_, [](const auto& link) { return link->ended(); });
  }
}

void CutProxy::Accept() {
  Socket client(accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
  if (!client.open()) return;
  SendAtOnce(client);
  const std::optional<Cut> cut = plan_(connections_++);
  const bool at_once = cut && cut->kind == CutKind::kReset && cut->after_bytes == 0;
  Socket server = at_once ? Socket() : ConnectTo(server_);
  if (!server.open()) return;  // which resets the client
  links_.push_back(std::make_unique<Link>(std::move(client), std::move(server), cut, passed_));
}

CutProxy::Plan CutOnce(const Cut& cut) {
  return [cut](uint64_t connection) -> std::optional<Cut> {
    return connection == 0 ? cut : Cut{Direction::kRequest, 0, CutKind::kReset};
  };
}

}  // namespace tripla::check
