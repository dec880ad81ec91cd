// SPDX-License-Identifier: Apache-2.0
#include "rpc/listener.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/diagnostics.h"

namespace tripla::rpc {
namespace {

// Of connections that were refused.
constexpr std::chrono::seconds kBetweenMessages{1};

// So many connections at most in one turn, so that those that are there are served in between.
constexpr int kAcceptsPerTurn = 64;

// For the log, images, and what libraries open now and then; a quarter where there are few.
constexpr size_t kDescriptorsKept = 96;

int SpareDescriptor() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

std::string HostOf(const sockaddr_storage& address) {
  std::array<char, NI_MAXHOST> host{};
  getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof(address), host.data(),
              host.size(), nullptr, 0, NI_NUMERICHOST);
  return host.data();
}

// What counts as one address: of IPv6 what one customer of a provider has at least, a /64.
std::string CountedAddress(const sockaddr_storage& address) {
  if (address.ss_family != AF_INET6) return HostOf(address);
  const auto& six = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&six)) return HostOf(address);
  constexpr size_t kNetworkBytes = 8;
  return {reinterpret_cast<const char*>(six.s6_addr), kNetworkBytes};
}

}  // namespace

Admission::Place::Place(Admission& admission, std::string address)
    : admission_(&admission), address_(std::move(address)) {}

Admission::Place::Place(Place&& other) noexcept
    : admission_(std::exchange(other.admission_, nullptr)), address_(std::move(other.address_)) {}

Admission::Place::~Place() {
  if (admission_ == nullptr) return;
  MutexLock lock(admission_->mutex_);
  --admission_->connections_;
  const auto counted = admission_->of_address_.find(address_);
  if (--counted->second == 0) admission_->of_address_.erase(counted);
}

std::optional<Admission::Place> Admission::Enter(const std::string& address) {
  MutexLock lock(mutex_);
  const auto counted = of_address_.find(address);
  const size_t from_there = counted == of_address_.end() ? 0 : counted->second;
  if (connections_ >= limits_.connections || from_there >= limits_.from_one_address) {
    ++refused_;
    return std::nullopt;
  }
  ++connections_;
  ++of_address_[address];
  return Place(*this, address);
}

void Admission::CountRefused() {
  MutexLock lock(mutex_);
  ++refused_;
}

bool Admission::SayRefused() {
  size_t refused = 0;
  size_t open = 0;
  {
    MutexLock lock(mutex_);
    if (refused_ == 0) return false;
    const auto now = EventLoop::Clock::now();
    if (now < said_ + kBetweenMessages) return true;
    said_ = now;
    refused = std::exchange(refused_, 0);
    open = connections_;
  }
  Say(Severity::kWarning,
      fmt::format("refused {} connections: {} are open; {} at most, {} from one address, as far as "
                  "there are descriptors",
                  refused, open, limits_.connections, limits_.from_one_address));
  return false;
}

size_t Admission::connections() {
  MutexLock lock(mutex_);
  return connections_;
}

size_t ConnectionsMax(size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  size_t open = 0;
  if (DIR* const listed = opendir("/proc/self/fd"); listed != nullptr) {
    while (readdir(listed) != nullptr) ++open;
    closedir(listed);
  }
  const size_t taken = open + std::min<size_t>(kDescriptorsKept, limit.rlim_cur / 4);
  return std::min<size_t>(wanted, limit.rlim_cur > taken ? limit.rlim_cur - taken : 1);
}

Listener::Listener(ListeningSocket socket, EventLoop& loop, Admission& admission,
                   AcceptedFn accepted)
    : socket_(std::move(socket)),
      spare_fd_(SpareDescriptor()),
      loop_(loop),
      admission_(admission),
      accepted_(std::move(accepted)) {}

Listener::~Listener() {
  if (spare_fd_ >= 0) close(spare_fd_);
}

void Listener::OnReady(uint32_t) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const int fd = accept4(socket_.fd(), reinterpret_cast<sockaddr*>(&address), &size,
                           SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      Accept(fd, address);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    const bool used_up = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    // Any other error belongs to the connection that was to be taken (accept(2)).
    if (used_up && !RefuseOne()) return;
  }
}

void Listener::Accept(int fd, const sockaddr_storage& address) {
  std::optional<Admission::Place> place = admission_.Enter(CountedAddress(address));
  if (!place) {
    close(fd);
    return loop_.WakeAt(*this, loop_.now() + kBetweenMessages);
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  accepted_(ByteStream(fd), HostOf(address), *std::move(place));
}

bool Listener::RefuseOne() {
  // In vain also when there is no spare one: then tried again a moment later.
  constexpr std::chrono::milliseconds kMoment{50};
  loop_.WakeAt(*this, loop_.now() + kMoment);
  if (spare_fd_ < 0) spare_fd_ = SpareDescriptor();
  const bool had_spare = spare_fd_ >= 0;
  if (had_spare) close(std::exchange(spare_fd_, -1));
  const int fd = had_spare ? accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC) : -1;
  if (fd >= 0) {
    close(fd);
    admission_.CountRefused();
  }
  spare_fd_ = SpareDescriptor();
  // Else the loop would turn without end, for the event stays.
  if (fd < 0) loop_.SetEvents(*this, 0);
  return fd >= 0;
}

void Listener::OnTime() {
  if (admission_.SayRefused()) loop_.WakeAt(*this, loop_.now() + kBetweenMessages);
  loop_.SetEvents(*this, EPOLLIN);
}

void Listener::OnStop(Clock::time_point) { loop_.Remove(*this); }

}  // namespace tripla::rpc
