// SPDX-License-Identifier: Apache-2.0
// Clients that misbehave on the wire harm nobody else (R14, R15).
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <string>
#include <vector>

#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using std::string_literals::operator""s;

// A TCP connection without gRPC around it; closed when destroyed.
class RawConnection {
 public:
  explicit RawConnection(const std::string& endpoint) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    const size_t colon = endpoint.rfind(':');
    sockaddr_in address{.sin_family = AF_INET};
    address.sin_port = htons(static_cast<uint16_t>(std::stoi(endpoint.substr(colon + 1))));
    inet_pton(AF_INET, endpoint.substr(0, colon).c_str(), &address.sin_addr);
    connected_ =
        fd_ >= 0 && connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  RawConnection(RawConnection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  ~RawConnection() {
    if (fd_ >= 0) close(fd_);
  }

  bool connected() const { return connected_; }
  bool Send(const std::string& bytes) const {
    return send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

 private:
  int fd_;
  bool connected_ = false;
};

// One HTTP/2 frame (RFC 9113, section 4.1).
std::string Frame(char type, char flags, char stream, const std::string& payload) {
  const size_t size = payload.size();
  return std::string{static_cast<char>(size >> 16),
                     static_cast<char>(size >> 8),
                     static_cast<char>(size),
                     type,
                     flags,
                     0,
                     0,
                     0,
                     stream} +
         payload;
}

// The first bytes of a Set call whose message never comes to its end.
std::string HalfAnRpc() {
  const auto text = [](const std::string& value) {
    return static_cast<char>(value.size()) + value;  // HPACK string without Huffman (RFC 7541)
  };
  const std::string headers = "\x83\x86"s +  // :method POST, :scheme http
                              "\x04"s + text("/tripla.v1.KeyValue/Set") + "\x01"s + text("tripla") +
                              "\x00"s + text("content-type") + text("application/grpc") + "\x00"s +
                              text("te") + text("trailers");
  const std::string message_of_100_bytes = "\x00\x00\x00\x00\x64"s + "\x0a\x01\x07"s;
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(4, 0, 0, "") + Frame(1, 4, 1, headers) +
         Frame(0, 0, 1, message_of_100_bytes);
}

TEST(Connections, TenThousandOpenedAndDropped) {
  constexpr int kConnections = 10'000;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  // As many at once as this process may open, in as many rounds as that takes.
  const int at_once = std::min<int>(kConnections, static_cast<int>(files.rlim_cur) - 200);
  ASSERT_GT(at_once, 0);
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  Set(server.stub(), "1", 0, "a");
  for (int opened = 0; opened < kConnections;) {
    std::vector<RawConnection> connections;
    for (int i = 0; i < at_once && opened < kConnections; ++i, ++opened) {
      connections.emplace_back(server.endpoint());
      ASSERT_TRUE(connections.back().connected()) << opened;
    }
    EXPECT_EQ(Get(server.stub(), "1").reply.result(), v1::SUCCESS) << "while they are open";
  }
  EXPECT_EQ(Set(server.stub(), "2", 0, "a").reply.result(), v1::SUCCESS);
  const std::shared_ptr<grpc::Channel> fresh = Connect(server.endpoint());
  EXPECT_EQ(Get(*v1::KeyValue::NewStub(fresh), "2").reply.result(), v1::SUCCESS);
  server.Stop();
}

TEST(Connections, HalfAMessageHoldsUpNobodyAndIsNotExecuted) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  std::vector<RawConnection> stalled;
  for (int i = 0; i < 100; ++i) {
    stalled.emplace_back(server.endpoint());
    ASSERT_TRUE(stalled.back().Send(HalfAnRpc()));
  }
  EXPECT_EQ(Set(server.stub(), "8", 0, "a").reply.result(), v1::SUCCESS);
  EXPECT_EQ(Get(server.stub(), "7").reply.result(), v1::ERROR);
  server.Stop();
}

TEST(Connections, GarbageInsteadOfHttp2IsDropped) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  for (int i = 0; i < 100; ++i) {
    const RawConnection garbage(server.endpoint());
    garbage.Send(std::string(1000, static_cast<char>(i)));
  }
  EXPECT_EQ(Set(server.stub(), "8", 0, "a").reply.result(), v1::SUCCESS);
  server.Stop();
}

TEST(Connections, CallsInFlightAtAStopAreAnswered) {
  const TemporaryDirectory directory;
  TestServer server(directory.path());
  std::vector<std::future<std::pair<int, int>>> writers;
  for (int i = 0; i < 8; ++i) {
    writers.push_back(std::async(std::launch::async, [&server, i] {
      const std::shared_ptr<grpc::Channel> channel = Connect(server.endpoint());
      const std::unique_ptr<v1::KeyValue::Stub> stub = v1::KeyValue::NewStub(channel);
      int key = i * 1'000'000;
      while (Set(*stub, std::to_string(key), key, "a").status.ok()) ++key;
      return std::pair(i * 1'000'000, key);
    }));
  }
  while (Get(server.stub(), "7000010").reply.result() != v1::SUCCESS) {
  }
  server.Stop();
  TestServer again(directory.path());
  for (auto& writer : writers) {
    const auto [first, end] = writer.get();
    EXPECT_EQ(Get(again.stub(), std::to_string(end - 1)).reply.value().timestamp(), end - 1);
    EXPECT_GT(end, first);
  }
}

}  // namespace
}  // namespace tripla
