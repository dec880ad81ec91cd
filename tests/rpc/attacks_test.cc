// SPDX-License-Identifier: Apache-2.0
// What a client does wrong on the wire, on purpose or not: it has an end, memory has a bound, and
// another client is served meanwhile (R14; S2, S4, S5 and S29 in docs/bugs.md). The same on a
// server of the transport alone and on triplad.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/process.h"
#include "tests/harness/raw_connection.h"
#include "tests/harness/test_server.h"
#include "tests/rpc/attacked.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::string_literals::operator""s;

constexpr uint64_t kMiB = uint64_t{1} << 20;
const std::string kUnary = attacked::Method();
const std::string kDuplex = attacked::StreamMethod();
constexpr uint32_t kWindow = 65'535;

std::string Repeat(const std::string& bytes, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += bytes;
  return all;
}

std::string WholeMessage(const std::string& bytes, uint32_t stream) {
  return CallMessage(bytes, static_cast<uint32_t>(bytes.size()), stream);
}

class Attacks : public testing::Test {
 protected:
  // `limits`: of the shell that starts it.
  explicit Attacks(const std::string& limits = "true")
      : server_(InShell(limits, attacked::Command(directory_.path()))),
        endpoint_(server_.AwaitOutput("ready on ")) {
    attacked::Prepare(Client());
    // What its first call needs.
    EXPECT_TRUE(CallOnce());
    rest_bytes_ = server_.ResidentBytes();
  }

  ~Attacks() override {
    EXPECT_TRUE(CallOnce()) << "afterwards";
    server_.Signal(SIGTERM);
    EXPECT_EQ(server_.Wait(), 0);
  }

  // A connection of its own.
  std::shared_ptr<grpc::Channel> Client() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(endpoint_, grpc::InsecureChannelCredentials(), arguments);
  }
  bool CallOnce() const { return attacked::Call(Client()); }

  // How long calls of one client take in the middle, and at most, while `more` says so.
  struct Times {
    size_t calls = 0;
    double median_ms = 0;
    double longest_ms = 0;
  };
  Times Measure(const std::function<bool()>& more) const {
    constexpr size_t kLeast = 20;
    std::vector<double> took_ms;
    const auto client = Client();
    while (more() || took_ms.size() < kLeast) {
      const auto begin = steady_clock::now();
      if (!attacked::Call(client)) {
        ADD_FAILURE() << "another client is not served: " << server_.output();
        break;
      }
      const std::chrono::duration<double, std::milli> took = steady_clock::now() - begin;
      took_ms.push_back(took.count());
    }
    std::ranges::sort(took_ms);
    if (took_ms.empty()) return {};
    return {took_ms.size(), took_ms[took_ms.size() / 2], took_ms.back()};
  }

  // Several connections do the same at once, and another client is served meanwhile.
  void ServeOthersWhile(int connections, const std::function<void(const RawConnection&)>& attack,
                        uint64_t bytes_max = 64 * kMiB) {
    const Times rest = Measure([] { return false; });
    std::atomic<int> attacking = connections;
    std::vector<std::thread> attackers;
    for (int i = 0; i < connections; ++i) {
      attackers.emplace_back([&] {
        {
          const RawConnection connection(endpoint_);
          if (connection.Send(Http2Greeting(kWindow))) attack(connection);
        }
        --attacking;
      });
    }
    const Times times = Measure([&attacking] { return attacking > 0; });
    for (std::thread& attacker : attackers) attacker.join();
    const uint64_t peak = server_.PeakResidentBytes();
    const uint64_t above = peak - std::min(rest_bytes_, peak);
    std::cout << times.calls << " calls of another client: median " << times.median_ms
              << " ms, longest " << times.longest_ms << " ms; memory " << above / 1024
              << " KiB above rest\n";
    // 50 ms, and what else keeps this machine busy.
    EXPECT_LT(times.median_ms, (kSanitized ? 1'000 : 50) + 20 * rest.median_ms);
    EXPECT_LT(above, kSanitized ? ~uint64_t{0} : bytes_max);
  }

  // Sends the same again and again, until the server hangs up.
  static void Flood(const RawConnection& connection, const std::string& bytes) {
    const std::string many = Repeat(bytes, static_cast<int>(1 + 32'768 / bytes.size()));
    const auto patience = steady_clock::now() + seconds(30);
    while (connection.Send(many)) {
      ASSERT_LT(steady_clock::now(), patience) << "it has no end";
    }
  }

  const TemporaryDirectory directory_;
  Process server_;
  const std::string endpoint_;
  uint64_t rest_bytes_ = 0;
};

TEST_F(Attacks, S29_StreamsThatAreOpenedAndResetHaveABound) {
  ServeOthersWhile(128, [](const RawConnection& connection) {
    uint32_t stream = 1;
    const auto end = steady_clock::now() + seconds(3);
    bool open = true;
    while (open && steady_clock::now() < end) {
      std::string bytes;
      for (int i = 0; i < 200; ++i, stream += 2) {
        bytes +=
            CallHeaders(kUnary, stream) + Http2Frame(http2::kRstStream, 0, stream, BigEndian(8));
      }
      open = connection.Send(bytes);
    }
  });
}

TEST_F(Attacks, S29_CallsThatAreMadeAndResetHaveABound) {
  ServeOthersWhile(4, [](const RawConnection& connection) {
    const std::string request = attacked::RequestOfAKilobyte();
    uint32_t stream = 1;
    const auto end = steady_clock::now() + seconds(3);
    bool open = true;
    while (open && steady_clock::now() < end) {
      std::string bytes;
      for (int i = 0; i < 200; ++i, stream += 2) {
        bytes += CallHeaders(kUnary, stream) + WholeMessage(request, stream) +
                 Http2Frame(http2::kRstStream, 0, stream, BigEndian(8));
      }
      open = connection.Send(bytes);
    }
  });
}

TEST_F(Attacks, S5_AHeaderBlockWithoutEndIsCut) {
  ServeOthersWhile(4, [](const RawConnection& connection) {
    // A literal header whose value is 2^21 bytes long, of which more and more come.
    ASSERT_TRUE(
        connection.Send(Http2Frame(http2::kHeaders, 0, 1, "\x83\x86\0\x01x\x7f\x81\x80\x80\x01"s)));
    Flood(connection, Http2Frame(http2::kContinuation, 0, 1, std::string(16'000, 'x')));
  });
}

TEST_F(Attacks, S5_ContinuationsWithoutBytesAreCut) {
  ServeOthersWhile(4, [](const RawConnection& connection) {
    ASSERT_TRUE(connection.Send(Http2Frame(http2::kHeaders, 0, 1, "\x83"s)));
    Flood(connection, Http2Frame(http2::kContinuation, 0, 1, ""));
  });
}

TEST_F(Attacks, FramesThatAskForNothingAreCut) {
  for (const std::string& frame :
       {Http2Frame(http2::kPing, 0, 0, "12345678"), Http2Frame(http2::kSettings, 0, 0, ""),
        Http2Frame(http2::kSettings, 0, 0, "\0\x04\0\0\x10\0"s),
        Http2Frame(http2::kPriority, 0, 1, "\0\0\0\x03\x10"s),
        Http2Frame(http2::kWindowUpdate, 0, 0, BigEndian(1)), Http2Frame(99, 0, 0, "unknown")}) {
    ServeOthersWhile(4, [&](const RawConnection& connection) { Flood(connection, frame); });
  }
}

TEST_F(Attacks, EmptyDataIsCut) {
  ServeOthersWhile(4, [](const RawConnection& connection) {
    ASSERT_TRUE(connection.Send(CallHeaders(kDuplex, 1)));
    Flood(connection, Http2Frame(http2::kData, 0, 1, ""));
  });
}

TEST_F(Attacks, HeadersThatUnpackToMuchAreCut) {
  ServeOthersWhile(4, [](const RawConnection& connection) {
    // A header of 4,000 bytes into the table, and then by its number as often as a frame takes it.
    const std::string entry = "\x40\x01x\x7f\xa1\x1e"s + std::string(4000, 'x');
    ASSERT_TRUE(
        connection.Send(Http2Frame(http2::kHeaders, http2::kEndHeaders, 1, "\x83\x86"s + entry)));
    uint32_t stream = 3;
    const auto patience = steady_clock::now() + seconds(30);
    while (connection.Send(Http2Frame(http2::kHeaders, http2::kEndHeaders, stream,
                                      "\x83\x86"s + std::string(16'000, '\xbe')))) {
      stream += 2;
      ASSERT_LT(steady_clock::now(), patience) << "it has no end";
    }
  });
}

// They were kept for ever: what waits until other answers are taken was not looked through when a
// call ended.
TEST_F(Attacks, CallsThatWaitAndAreResetLeaveNothing) {
  ServeOthersWhile(4, [](const RawConnection& connection) {
    std::string bytes = Http2Frame(http2::kSettings, 0, 0, "\0\x04\0\0\0\0"s);
    uint32_t stream = 1;
    for (; stream < 20; stream += 2) {
      bytes += CallHeaders(kUnary, stream) + WholeMessage(attacked::RequestOfAMegabyte(), stream);
    }
    // A header of 3,000 bytes into the table, and then by its number.
    const std::string entry = "\x40\x01x\x7f\xb9\x16"s + std::string(3000, 'x');
    bytes += Http2Frame(http2::kHeaders, http2::kEndHeaders, stream, "\x83\x86"s + entry);
    for (int i = 0; i < 10'000; ++i) {
      stream += 2;
      std::string headers = CallHeaders(kUnary, stream).substr(9) + std::string(4, '\xbe');
      bytes += Http2Frame(http2::kHeaders, http2::kEndHeaders, stream, headers) +
               WholeMessage(attacked::RequestOfAKilobyte(), stream) +
               Http2Frame(http2::kRstStream, 0, stream, BigEndian(8));
    }
    EXPECT_TRUE(connection.Send(bytes));
    EXPECT_TRUE(connection.AwaitRead());
  });
}

// Thirteen bytes asked for an answer of 12 KiB.
TEST_F(Attacks, ALongMethodThatIsNotThereIsNotRepeatedWhole) {
  const RawConnection connection(endpoint_);
  const std::string path = "\x04\x7f\xa1\x1e/"s + std::string(3999, '%');
  const std::string type = "\x0f\x10\x10"s + "application/grpc";
  ASSERT_TRUE(connection.Send(Http2Greeting(kWindow) +
                              Http2Frame(http2::kHeaders, http2::kEndHeaders | http2::kEndStream, 1,
                                         "\x83\x86"s + path + type)));
  std::string frame;
  do {
    frame = connection.ReadFrame(seconds(30));
    ASSERT_NE(frame, "");
  } while (frame[3] != http2::kHeaders);
  EXPECT_LT(frame.size(), 1'000u);
}

// A gRPC-Web client could not read the answer, and the stream of a request that is refused stayed.
TEST_F(Attacks, AnotherContentTypeIsRefusedAndItsStreamEnds) {
  std::vector<std::string> answers;
  for (const std::string& type : {"text/plain"s, "application/grpc-web+proto"s}) {
    const RawConnection connection(endpoint_);
    const std::string path = static_cast<char>(kUnary.size()) + kUnary;
    const std::string headers = "\x83\x86\x04"s + path + "\x0f\x10"s +
                                static_cast<char>(type.size()) + type;  // content-type
    ASSERT_TRUE(connection.Send(Http2Greeting(kWindow) +
                                Http2Frame(http2::kHeaders, http2::kEndHeaders, 1, headers)));
    std::string frame;
    while (frame.empty() || frame[3] != http2::kRstStream) {
      frame = connection.ReadFrame(seconds(30));
      ASSERT_NE(frame, "") << "the stream stays";
      if (frame[3] == http2::kHeaders) answers.push_back(frame);
    }
    EXPECT_EQ(frame.substr(9), BigEndian(0)) << "NO_ERROR";
  }
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0], answers[1]);
}

TEST_F(Attacks, CallsWithFaultyHeadersAreReset) {
  const RawConnection connection(endpoint_);
  std::string bytes = Http2Greeting(kWindow);
  // Without a path, and with a name in upper case.
  for (uint32_t stream = 1; stream < 400; stream += 4) {
    bytes += Http2Frame(http2::kHeaders, http2::kEndHeaders, stream, "\x83\x86"s) +
             Http2Frame(http2::kHeaders, http2::kEndHeaders, stream + 2, "\x83\x86\0\x01X\x01x"s);
  }
  ASSERT_TRUE(connection.Send(bytes + CallHeaders(kUnary, 401)));
  EXPECT_TRUE(connection.AwaitRead());
}

TEST_F(Attacks, CallsWithoutAMessageHaveABound) {
  ServeOthersWhile(
      8,
      [](const RawConnection& connection) {
        for (uint32_t stream = 1; stream < 20'000; stream += 2) {
          if (!connection.Send(CallHeaders(kUnary, stream))) return;
        }
        std::this_thread::sleep_for(seconds(1));
      },
      attacked::IncomingBytesMax() + 32 * kMiB);
}

TEST_F(Attacks, UploadsThatStallHaveABoundAndMakeRoom) {
  ServeOthersWhile(
      8,
      [](const RawConnection& connection) {
        // 4 MiB are announced, and as much as the window takes comes of each.
        constexpr uint32_t kMessage = 4 << 20;
        for (uint32_t stream = 1; stream < 600; stream += 2) {
          std::string bytes =
              CallHeaders(kUnary, stream) + CallMessage(std::string(16'000, 'x'), kMessage, stream);
          for (int i = 0; i < 3; ++i) {
            bytes += Http2Frame(http2::kData, 0, stream, std::string(16'000, 'x'));
          }
          if (!connection.Send(bytes)) return;
        }
        std::this_thread::sleep_for(seconds(1));
      },
      attacked::IncomingBytesMax() + 32 * kMiB);
  // The stalled ones hold room, and are cut off for who wants it.
  EXPECT_TRUE(attacked::CallWithMuch(Client()));
}

TEST_F(Attacks, AnswersThatNobodyReadsHaveABound) {
  ServeOthersWhile(4, [](const RawConnection& connection) {
    const std::string request = attacked::RequestOfAMegabyte();
    for (uint32_t stream = 1; stream < 400; stream += 2) {
      if (!connection.Send(CallHeaders(kUnary, stream) + WholeMessage(request, stream))) return;
    }
    std::this_thread::sleep_for(seconds(1));
  });
}

TEST_F(Attacks, AConnectionCutAtAnyByteLeavesNothing) {
  const std::string all = Http2Greeting(1 << 20) + CallHeaders(kUnary, 1) +
                          WholeMessage(attacked::RequestOfAKilobyte(), 1) +
                          CallHeaders(kDuplex, 3) + CallMessage("abc", 5, 3) +
                          Http2Frame(http2::kPing, 0, 0, "12345678");
  for (size_t cut = 0; cut <= all.size(); ++cut) {
    const RawConnection connection(endpoint_);
    ASSERT_TRUE(connection.connected());
    ASSERT_TRUE(cut == 0 || connection.Send(all.substr(0, cut)));
  }
  // Byte by byte it is a call like any other.
  const RawConnection slow(endpoint_);
  for (const char byte : all) ASSERT_TRUE(slow.Send(std::string(1, byte)));
  EXPECT_TRUE(slow.AwaitRead());
}

TEST_F(Attacks, WhatIsNotHttp2IsDisconnected) {
  for (const std::string& bytes : {"GET / HTTP/1.1\r\nHost: a\r\n\r\n"s, std::string(1000, '\0'),
                                   "\x16\x03\x01\x02\0"s + std::string(600, 'x')}) {
    const RawConnection connection(endpoint_);
    ASSERT_TRUE(connection.Send(bytes));
    EXPECT_TRUE(connection.AwaitEnd(seconds(30)));
  }
}

TEST_F(Attacks, AResetOfACallThatWasNeverSentHarmsNoOther) {
  const RawConnection connection(endpoint_);
  ASSERT_TRUE(connection.Send(Http2Greeting(kWindow) +
                              Http2Frame(http2::kRstStream, 0, 1, BigEndian(8)) +
                              CallHeaders(kUnary, 3) + CallMessage("", 0, 3)));
  std::string frame;
  do {
    frame = connection.ReadFrame(seconds(30));
    ASSERT_NE(frame, "");
  } while (frame[3] != http2::kHeaders);
  EXPECT_EQ(frame[8], 3);
}

TEST_F(Attacks, TenThousandIdleConnectionsAreSmall) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const size_t count = std::min<size_t>(10'000, files.rlim_cur / 2);
  std::vector<RawConnection> connections;
  for (size_t i = 0; i < count; ++i) {
    connections.emplace_back(endpoint_);
    ASSERT_TRUE(connections.back().connected());
    ASSERT_TRUE(connections.back().Send(Http2Greeting(kWindow)));
  }
  for (const RawConnection& connection : connections) ASSERT_TRUE(connection.AwaitRead());
  EXPECT_TRUE(CallOnce());
  const uint64_t each = (server_.ResidentBytes() - rest_bytes_) / count;
  std::cout << count << " connections, " << each << " bytes each\n";
  EXPECT_LT(each, kSanitized ? kMiB : 16'384);
}

// A server that has 200 descriptors.
class FewDescriptors : public Attacks {
 protected:
  FewDescriptors() : Attacks("ulimit -n 200") {}
};

TEST_F(FewDescriptors, S2_MoreConnectionsThanThereAreAreRefusedAndSaidAndItHeals) {
  const auto client = Client();
  ASSERT_TRUE(attacked::Call(client));
  {
    std::vector<RawConnection> connections;
    for (int i = 0; i < 400; ++i) connections.emplace_back(endpoint_);
    int refused = 0;
    for (const RawConnection& connection : connections)
      refused += connection.AwaitEnd(milliseconds(1));
    EXPECT_GT(refused, 200);
    EXPECT_LT(refused, 400);
    EXPECT_TRUE(attacked::Call(client)) << "who was there before is served";
  }
  server_.AwaitOutput("refused ");
  EXPECT_TRUE(CallOnce());
}

}  // namespace
}  // namespace tripla
