// SPDX-License-Identifier: Apache-2.0
// Many endpoints of which few answer (S20), and one that is not a tripla server.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "client/fake_port.h"
#include "client/fake_server.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;

constexpr int kDead = 100;

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
  ExpectAnAnswerBehind(FakePort().endpoint());
  const FakePort taken;
  ExpectAnAnswerBehind(taken.endpoint());
}

TEST(Connecting, AHundredSilentServersLeaveTimeForTheOneThatServes) {
  const FakePort silent(/*listens=*/true);
  ExpectAnAnswerBehind(silent.endpoint());
}

TEST(Connecting, AHundredDeadEndpointsAreNotNamedOneByOne) {
  const FakePort taken;
  ClientOptions options{.deadline = milliseconds(300)};
  options.endpoints.assign(kDead, taken.endpoint());
  Client client(options);
  const Answer<Decided> answer = client.Set(*Key::Parse("1"), 0, "a");
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.failure().applied, Failure::Applied::kNo);
  EXPECT_NE(answer.failure().message.find("or 95 more"), std::string::npos)
      << answer.failure().message;
}

// Speaks HTTP/2 and answers each request with 404, like a web server without such a page.
class WebServer {
 public:
  WebServer() : thread_([this] { Serve(); }) {}
  ~WebServer() {
    port_.Shutdown();
    thread_.join();
  }

  std::string endpoint() const { return port_.endpoint(); }

 private:
  static std::string Frame(char type, char flags, const char* stream, const std::string& content) {
    return std::string{0, 0, static_cast<char>(content.size()), type, flags} +
           std::string(stream, 4) + content;
  }

  static bool ReadAll(int connection, char* to, size_t count) {
    return recv(connection, to, count, MSG_WAITALL) == static_cast<ssize_t>(count);
  }

  static void Answer(int connection) {
    constexpr char kHeaders = 1, kSettings = 4;
    constexpr char kAck = 1, kEnds = 1 | 4;
    constexpr char kNotFound = '\x8d';  // ":status: 404" of HPACK's static table (RFC 7541)
    char preface[24], header[9];
    if (!ReadAll(connection, preface, sizeof(preface))) return;
    const std::string none(4, '\0');
    std::string said = Frame(kSettings, 0, none.data(), "");
    while (send(connection, said.data(), said.size(), MSG_NOSIGNAL) >= 0 &&
           ReadAll(connection, header, sizeof(header))) {
      const auto byte = [&](int i) { return static_cast<size_t>(static_cast<uint8_t>(header[i])); };
      std::string content((byte(0) << 16) + (byte(1) << 8) + byte(2), '\0');
      if (!ReadAll(connection, content.data(), content.size())) return;
      said.clear();
      if (header[3] == kSettings && header[4] != kAck) {
        said = Frame(kSettings, kAck, none.data(), "");
      } else if (header[3] == kHeaders) {
        said = Frame(kHeaders, kEnds, header + 5, std::string(1, kNotFound));
      }
    }
  }

  void Serve() {
    while (true) {
      const int connection = port_.Accept();
      if (connection < 0) return;
      Answer(connection);
      close(connection);
    }
  }

  FakePort port_{/*listens=*/true};
  std::thread thread_;
};

TEST(Connecting, AWebServerIsPassedOver) {
  FakeServer server(Succeed());
  const WebServer web;  // serves one connection at a time
  for (const Operation& operation : {Operation(SetOperation{*Key::Parse("1"), 0, "a"}),
                                     Operation(GetOperation{*Key::Parse("1")})}) {
    Client client({.endpoints = {web.endpoint(), server.endpoint()}});
    const Answer<Decided> answer = client.Execute(operation);
    EXPECT_TRUE(answer.ok()) << answer.failure().ToText();
  }
}

TEST(Connecting, WhatAWebServerDidWithAWriteIsNotKnown) {
  const WebServer web;
  Client client({.endpoints = {web.endpoint()}});
  const Answer<Decided> set = client.Set(*Key::Parse("1"), 0, "a");
  ASSERT_FALSE(set.ok());
  EXPECT_EQ(set.failure().applied, Failure::Applied::kUnknown);
  EXPECT_NE(set.failure().message.find("not a tripla server"), std::string::npos)
      << set.failure().message;
}

}  // namespace
}  // namespace tripla
