// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// The servers of one database. Each of them takes any call; the client asks the current one. When
// it fails, the next becomes current, or the one that it named as leader. When it only forwards
// writes, the leader becomes current.
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

  // Makes another server current after `failed` did not serve a call: the one at `hint` if that is
  // another of these servers, otherwise the next. Does nothing if another thread has moved on from
  // `failed` already.
  void MoveOn(const Server& failed, const std::string& hint);

  // Makes the leader current after `asked` has forwarded a write to it, if it is one of these
  // servers. Does nothing if another thread has moved on from `asked` already.
  void MoveToLeader(const Server& asked, std::string_view leader_endpoint);

 private:
  // servers_.size() if it is none of them.
  template <typename Wanted>
  [[nodiscard]] size_t IndexOf(const Wanted& wanted) const;

  std::vector<std::unique_ptr<const Server>> servers_;
  std::atomic<size_t> current_{0};
};

}  // namespace tripla
