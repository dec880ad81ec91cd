// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// The servers of one database, one of which is asked at a time: any of a cluster takes every call.
// Those that fail are left in turn, or for the one a server names as leader.
//
// Thread-safety: any thread.
class Servers {
 public:
  struct Server {
    explicit Server(std::string endpoint);

    const std::string endpoint;
    const std::shared_ptr<grpc::Channel> channel;
    const std::unique_ptr<v1::KeyValue::Stub> key_value;
    const std::unique_ptr<v1::Admin::Stub> admin;
  };

  // Requires at least one endpoint (checked).
  explicit Servers(const std::vector<std::string>& endpoints);

  [[nodiscard]] size_t size() const { return servers_.size(); }
  [[nodiscard]] const Server& current() const { return *servers_[current_.load()]; }

  // `failed` did not serve a call: from now on another is current. The one at `hint`, if that is
  // one of ours and not the same, else the next; unless another thread has moved on from `failed`
  // already.
  void MoveOn(const Server& failed, const std::string& hint);

 private:
  std::vector<std::unique_ptr<const Server>> servers_;
  std::atomic<size_t> current_{0};
};

}  // namespace tripla
