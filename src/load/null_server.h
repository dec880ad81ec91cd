// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

namespace tripla::load {

// A process of its own that serves a call which does nothing, over the same kind of gRPC server as
// triplad: what no server can beat. It ends with this object, or with this process.
class NullServer {
 public:
  // Forks: to be made before this process has threads or uses gRPC.
  NullServer();
  ~NullServer();
  NullServer(const NullServer&) = delete;
  NullServer& operator=(const NullServer&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

  // Whether it has ended by itself, as it does when it gets no thread.
  [[nodiscard]] bool HasEnded();

 private:
  pid_t process_ = -1;  // 0 once it has ended
  int lifeline_ = -1;
  std::string endpoint_;
};

}  // namespace tripla::load
