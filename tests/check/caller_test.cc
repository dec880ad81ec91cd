// SPDX-License-Identifier: Apache-2.0
#include "check/caller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "client/wire.h"
#include "tests/harness/test_server.h"

namespace tripla::check {
namespace {

using std::chrono::milliseconds;

// The server is a process of its own: one in this process would move the caller's connections
// along.
TEST(Caller, AServerThatIsBackInTimeIsReached) {
  const TemporaryDirectory directory;
  std::string endpoint;
  {
    TestServer server(directory.path());
    endpoint = server.endpoint();
    server.Stop();
  }
  Traffic traffic;
  Caller caller({endpoint}, milliseconds(10'000), std::make_shared<RequestIds>(), traffic);
  std::future<ToldReply> told =
      std::async(std::launch::async, [&] { return caller.Settle(ToWire(GetOperation{Key()})); });
  while (traffic.attempts() < 3) std::this_thread::yield();  // it has found nobody there
  Process server({ProgramPath("triplad"), "--data-dir", directory.path(), "--listen", endpoint});
  server.AwaitOutput("ready on ");
  const auto ready = std::chrono::steady_clock::now();
  const ToldReply reply = told.get();
  EXPECT_TRUE(reply.ok()) << TextOf(reply.status);
  // gRPC looks at its connections every 5 seconds when nobody else does.
  EXPECT_LT(std::chrono::steady_clock::now() - ready, milliseconds(4000));
}

}  // namespace
}  // namespace tripla::check
