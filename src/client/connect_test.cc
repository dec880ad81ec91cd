// SPDX-License-Identifier: Apache-2.0
// Many endpoints of which few are there (S20).
#include <arpa/inet.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/check.h"
#include "client/fake_server.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;

constexpr int kDead = 100;

// A port of this machine that is taken: with `listen`, connections to it are made and nothing is
// ever said; else they are refused.
class Port {
 public:
  explicit Port(bool listens) {
    TRIPLA_CHECK(bind(socket_, reinterpret_cast<sockaddr*>(&address_), sizeof(address_)) == 0,
                 "a port is free");
    socklen_t size = sizeof(address_);
    getsockname(socket_, reinterpret_cast<sockaddr*>(&address_), &size);
    if (listens) listen(socket_, 1000);
  }
  ~Port() { close(socket_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  std::string endpoint() const { return fmt::format("127.0.0.1:{}", ntohs(address_.sin_port)); }

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address_{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
};

FakeServer::OnOperation Succeed() {
  return [](grpc::ServerContext&, const v1::Operation&, v1::Reply& reply, int) {
    reply.set_result(v1::SUCCESS);
    return grpc::Status::OK;
  };
}

void ExpectAnAnswerBehind(const std::string& dead_endpoint) {
  FakeServer server(Succeed());
  ClientOptions options;
  options.endpoints.assign(kDead, dead_endpoint);
  options.endpoints.push_back(server.endpoint());
  Client client(options);
  const Answer<Decided> answer = client.Set(*Key::Parse("1"), 0, "a");
  EXPECT_TRUE(answer.ok()) << answer.failure().ToText();
}

TEST(Connecting, AHundredRefusedPortsLeaveTimeForTheOneThatServes) {
  ExpectAnAnswerBehind(Port(false).endpoint());
  const Port taken(false);
  ExpectAnAnswerBehind(taken.endpoint());
}

TEST(Connecting, AHundredSilentServersLeaveTimeForTheOneThatServes) {
  const Port silent(true);
  ExpectAnAnswerBehind(silent.endpoint());
}

TEST(Connecting, AHundredDeadEndpointsAreNotNamedOneByOne) {
  const Port taken(false);
  ClientOptions options{.deadline = milliseconds(300)};
  options.endpoints.assign(kDead, taken.endpoint());
  Client client(options);
  const Answer<Decided> answer = client.Set(*Key::Parse("1"), 0, "a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().applied, Failure::Applied::kNo);
  EXPECT_NE(answer.failure().message.find("or 95 more"), std::string::npos)
      << answer.failure().message;
}

}  // namespace
}  // namespace tripla
