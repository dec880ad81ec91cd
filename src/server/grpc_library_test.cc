// SPDX-License-Identifier: Apache-2.0
#include "server/grpc_library.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

TEST(GrpcMessages, ThoseThatMeanAnEndOfTheProcessAreErrorsAndSayWhatToDo) {
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

TEST(GrpcMessages, AllOthersAreNoNews) {
  for (const char* message : {"Failed parsing HTTP/2", "Invalid address: of a server",
                              "SERVER_CONNECT: incoming connection: ipv4:127.0.0.1:1"}) {
    EXPECT_EQ(ReadGrpcMessage(message, "chttp2_transport.cc", 1).severity, Severity::kDebug);
  }
}

}  // namespace
}  // namespace tripla
