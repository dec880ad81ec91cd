// SPDX-License-Identifier: Apache-2.0
#include "rpc/listening_socket.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

namespace tripla::rpc {
namespace {

// One of the addresses of a name, with a free port.
class ResolvedAddress {
 public:
  ResolvedAddress(const std::string& host, addrinfo* next) {
    EXPECT_EQ(inet_pton(AF_INET, host.c_str(), &address_.sin_addr), 1) << host;
    info_.ai_next = next;
  }
  ResolvedAddress(const ResolvedAddress&) = delete;
  ResolvedAddress& operator=(const ResolvedAddress&) = delete;

  addrinfo* info() { return &info_; }

 private:
  sockaddr_in address_{.sin_family = AF_INET};
  addrinfo info_{.ai_family = AF_INET,
                 .ai_socktype = SOCK_STREAM,
                 .ai_addrlen = sizeof(address_),
                 .ai_addr = reinterpret_cast<sockaddr*>(&address_)};
};

constexpr char kNotHere[] = "203.0.113.9";  // of no machine, like ::1 on one without IPv6

TEST(ListenOn, AnAddressThatIsNotHereIsPassedOverIfAnotherIs) {
  ResolvedAddress second("127.0.0.1", nullptr);
  ResolvedAddress first(kNotHere, second.info());
  const auto sockets = ListenOn(*first.info());
  ASSERT_TRUE(sockets.ok()) << sockets.status();
  EXPECT_EQ(sockets->size(), 1u);
  EXPECT_GT(sockets->front().port(), 0);
}

TEST(ListenOn, AllAddressesNotHereAreAnError) {
  ResolvedAddress second(kNotHere, nullptr);
  ResolvedAddress first(kNotHere, second.info());
  EXPECT_EQ(ListenOn(*first.info()).status().message(), "Cannot assign requested address");
}

TEST(ListenOn, AnAddressInUseIsSaid) {
  const auto first = ListenOn("127.0.0.1:0");
  ASSERT_TRUE(first.ok()) << first.status();
  const std::string address = "127.0.0.1:" + std::to_string(first->front().port());
  EXPECT_EQ(ListenOn(address).status().message(), "Address already in use");
  EXPECT_TRUE(absl::IsUnavailable(ListenOn("no.such.host.invalid:1").status()));
}

}  // namespace
}  // namespace tripla::rpc
