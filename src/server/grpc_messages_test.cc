// SPDX-License-Identifier: Apache-2.0
#include "server/grpc_messages.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

constexpr char kListener[] = "src/core/lib/iomgr/tcp_server_posix.cc";

TEST(GrpcMessages, ThoseThatMeanAnEndOfServiceAreErrorsAndSayWhatToDo) {
  for (const char* message :
       {"Failed accept4: Too many open files", "Failed accept4: Software caused connection abort",
        "Failed getsockname: Transport endpoint is not connected",
        "Failed getpeername: Transport endpoint is not connected", "Invalid address: not one"}) {
    const GrpcMessage told = ReadGrpcMessage(message, kListener, 1);
    EXPECT_EQ(told.severity, Severity::kError) << message;
    EXPECT_NE(told.text.find("no client can connect any more"), std::string::npos) << told.text;
    EXPECT_NE(told.text.find("Start the server again"), std::string::npos) << told.text;
    EXPECT_NE(told.text.find(message), std::string::npos) << told.text;
  }
  for (const char* message :
       {"assertion failed: initial_window_size >= 0", "UNREACHABLE CODE: x"}) {
    const GrpcMessage told = ReadGrpcMessage(message, "frame_settings.cc", 84);
    EXPECT_EQ(told.severity, Severity::kError) << message;
    EXPECT_NE(told.text.find("ends this process"), std::string::npos) << told.text;
    EXPECT_FALSE(told.no_thread) << message;
  }
  EXPECT_TRUE(
      ReadGrpcMessage("assertion failed: worker->created()", "thread_manager.cc", 1).no_thread);
}

TEST(GrpcMessages, RefusedConnectionsAreAWarning) {
  EXPECT_EQ(ReadGrpcMessage("Dropped >= 3 new connection attempts due to high memory pressure",
                            kListener, 1)
                .severity,
            Severity::kWarning);
}

TEST(GrpcMessages, AllOthersAreNoNews) {
  for (const char* message : {"Failed parsing HTTP/2", "Invalid address: of a client",
                              "SERVER_CONNECT: incoming connection: ipv4:127.0.0.1:1"}) {
    EXPECT_EQ(ReadGrpcMessage(message, "chttp2_transport.cc", 1).severity, Severity::kDebug);
  }
}

}  // namespace
}  // namespace tripla
