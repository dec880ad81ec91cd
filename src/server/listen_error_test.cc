// SPDX-License-Identifier: Apache-2.0
#include "server/listen_error.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

namespace tripla {
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

TEST(ListenError, AnAddressThatIsNotHereIsPassedOverIfAnotherIs) {
  ResolvedAddress second("127.0.0.1", nullptr);
  ResolvedAddress first(kNotHere, second.info());
  EXPECT_EQ(ListenError(*first.info()), "");
}

TEST(ListenError, AllAddressesNotHereAreAnError) {
  ResolvedAddress second(kNotHere, nullptr);
  ResolvedAddress first(kNotHere, second.info());
  EXPECT_EQ(ListenError(*first.info()), "Cannot assign requested address");
}

}  // namespace
}  // namespace tripla
