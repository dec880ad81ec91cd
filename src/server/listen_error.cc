// SPDX-License-Identifier: Apache-2.0
#include "server/listen_error.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>

namespace tripla {
namespace {

// Tries what gRPC will. Empty when it works.
std::string TryToListen(const addrinfo& address) {
  const int socket_fd = socket(address.ai_family, address.ai_socktype, address.ai_protocol);
  if (socket_fd < 0) return std::strerror(errno);
  const int on = 1;
  setsockopt(socket_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const bool listening =
      bind(socket_fd, address.ai_addr, address.ai_addrlen) == 0 && listen(socket_fd, 1) == 0;
  const std::string error = listening ? "" : std::strerror(errno);
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
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    if (std::string why = TryToListen(*each); !why.empty()) return why;
  }
  return "";
}

}  // namespace tripla
