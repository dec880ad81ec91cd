// SPDX-License-Identifier: Apache-2.0
#include "client/servers.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "client/connection.h"

namespace tripla {

Servers::Server::Server(std::string at)
    : endpoint(std::move(at)),
      channel(OpenChannel(endpoint)),
      key_value(v1::KeyValue::NewStub(channel)),
      admin(v1::Admin::NewStub(channel)) {}

Servers::Servers(const std::vector<std::string>& endpoints) {
  TRIPLA_CHECK(!endpoints.empty(), "a client needs a server");
  for (const std::string& endpoint : endpoints) {
    servers_.push_back(std::make_unique<const Server>(endpoint));
  }
}

template <typename Wanted>
size_t Servers::IndexOf(const Wanted& wanted) const {
  return static_cast<size_t>(std::ranges::find_if(servers_, wanted) - servers_.begin());
}

void Servers::MoveOn(const Server& failed, const std::string& hint) {
  size_t from = IndexOf([&](const auto& server) { return server.get() == &failed; });
  size_t to = IndexOf([&](const auto& server) { return server->endpoint == hint; });
  if (to == servers_.size() || to == from) to = (from + 1) % servers_.size();
  current_.compare_exchange_strong(from, to);
}

void Servers::MoveToLeader(const Server& asked, std::string_view leader_endpoint) {
  size_t from = IndexOf([&](const auto& server) { return server.get() == &asked; });
  const size_t to =
      IndexOf([&](const auto& server) { return server->endpoint == leader_endpoint; });
  if (to != servers_.size()) current_.compare_exchange_strong(from, to);
}

}  // namespace tripla
