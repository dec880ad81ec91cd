// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netdb.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tripla::rpc {

// A socket on which clients can connect; closed when it is destroyed.
//
// Thread-safety: none.
class ListeningSocket {
 public:
  // Takes a socket that listens and does not block.
  explicit ListeningSocket(int fd) : fd_(fd) {}
  ~ListeningSocket();
  ListeningSocket(ListeningSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ListeningSocket& operator=(ListeningSocket&&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] int port() const;

 private:
  int fd_;
};

// Listens on all addresses of HOST:PORT. A free port is chosen for port 0, the same one for all of
// them. Never empty.
//
// Errors: Unavailable, whose message is the system's reason: "Address already in use".
[[nodiscard]] absl::StatusOr<std::vector<ListeningSocket>> ListenOn(const std::string& address);

// The same for the list of addresses that a name resolved to. Those that this machine does not have
// are passed over if any others are left: "localhost" may also be ::1 on one without IPv6.
[[nodiscard]] absl::StatusOr<std::vector<ListeningSocket>> ListenOn(const addrinfo& first);

}  // namespace tripla::rpc
