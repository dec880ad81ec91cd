// SPDX-License-Identifier: Apache-2.0
#include "rpc/listening_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace tripla::rpc {
namespace {

// Returns a listening socket, or minus the error number.
int Listen(const addrinfo& address, int port) {
  const int fd = socket(address.ai_family, address.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                        address.ai_protocol);
  if (fd < 0) return -errno;
  const int on = 1;
  const int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_storage to{};
  std::memcpy(&to, address.ai_addr, address.ai_addrlen);
  if (address.ai_family == AF_INET6) {
    auto& six = reinterpret_cast<sockaddr_in6&>(to);
    // [::] takes clients with IPv4 as well.
    if (IN6_IS_ADDR_UNSPECIFIED(&six.sin6_addr)) {
      setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    }
    if (port != 0) six.sin6_port = htons(static_cast<uint16_t>(port));
  } else if (port != 0) {
    reinterpret_cast<sockaddr_in&>(to).sin_port = htons(static_cast<uint16_t>(port));
  }
  if (bind(fd, reinterpret_cast<sockaddr*>(&to), address.ai_addrlen) == 0 &&
      listen(fd, SOMAXCONN) == 0) {
    return fd;
  }
  const int error = errno;
  close(fd);
  return -error;
}

}  // namespace

ListeningSocket::~ListeningSocket() {
  if (fd_ >= 0) close(fd_);
}

int ListeningSocket::port() const {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<sockaddr_in&>(address).sin_port);
}

absl::StatusOr<std::vector<ListeningSocket>> ListenOn(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const addrinfo hints{.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return absl::UnavailableError(gai_strerror(error));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  return ListenOn(*found);
}

absl::StatusOr<std::vector<ListeningSocket>> ListenOn(const addrinfo& first) {
  std::vector<ListeningSocket> sockets;
  int not_here = 0;
  for (const addrinfo* each = &first; each != nullptr; each = each->ai_next) {
    const int fd = Listen(*each, sockets.empty() ? 0 : sockets.front().port());
    if (fd >= 0) {
      sockets.emplace_back(fd);
    } else if (fd == -EADDRNOTAVAIL || fd == -EAFNOSUPPORT) {
      not_here = -fd;
    } else {
      return absl::UnavailableError(std::strerror(-fd));
    }
  }
  if (sockets.empty()) return absl::UnavailableError(std::strerror(not_here));
  return sockets;
}

}  // namespace tripla::rpc
