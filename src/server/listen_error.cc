// SPDX-License-Identifier: Apache-2.0
#include "server/listen_error.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace tripla {
namespace {

// Listens as gRPC will. Returns 0 or the error number.
int TryToListen(const addrinfo& address) {
  const int socket_fd = socket(address.ai_family, address.ai_socktype, address.ai_protocol);
  if (socket_fd < 0) return errno;
  const int on = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const bool listening =
      bind(socket_fd, address.ai_addr, address.ai_addrlen) == 0 && listen(socket_fd, 1) == 0;
  const int error = listening ? 0 : errno;
  close(socket_fd);
  return error;
}

}  // namespace

std::string ListenError(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const addrinfo hints{.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), address.substr(colon + 1).c_str(), &hints, &found);
  if (error != 0) return gai_strerror(error);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  return ListenError(*found);
}

std::string ListenError(const addrinfo& first) {
  bool listening = false;
  int not_here = 0;
  for (const addrinfo* each = &first; each != nullptr; each = each->ai_next) {
    const int error = TryToListen(*each);
    if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT) {
      not_here = error;
    } else if (error != 0) {
      return std::strerror(error);
    } else {
      listening = true;
    }
  }
  return listening ? "" : std::strerror(not_here);
}

absl::Status CannotListen(const std::string& address, const std::string& why) {
  return absl::UnavailableError(fmt::format(
      "cannot listen on {}: {}; {} another address with --listen", address, why,
      why == std::strerror(EADDRINUSE) ? "stop what listens there, or choose" : "choose"));
}

}  // namespace tripla
