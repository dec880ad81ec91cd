// SPDX-License-Identifier: Apache-2.0
// A client of docs/clients/, in any language, against three replicas of which the leader is killed.
// TRIPLA_CLIENT is its command, TRIPLA_SERVICE_CONFIG the file that it gives to gRPC.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "tests/harness/process.h"
#include "tests/harness/test_cluster.h"
#include "tripla/client.h"

namespace tripla {
namespace {

constexpr int kCount = 2000;

std::vector<std::string> Words(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

TEST(ForeignClient, CountsExactlyOnceWhileTheLeaderIsKilled) {
  ASSERT_NE(std::getenv("TRIPLA_CLIENT"), nullptr) << "start tests/clients/foreign_client_test.sh";
  TemporaryDirectory directory;
  TestCluster cluster(directory.path());
  const int leader = cluster.AwaitLeader();
  // The leader first: the client's connection is to it.
  std::vector<std::string> endpoints = {cluster.endpoint(leader)};
  for (int number = 0; number < cluster.size(); ++number) {
    if (number != leader) endpoints.push_back(cluster.endpoint(number));
  }
  std::vector<std::string> command = Words(std::getenv("TRIPLA_CLIENT"));
  for (const std::string& word : {std::string(std::getenv("TRIPLA_SERVICE_CONFIG")),
                                  absl::StrJoin(endpoints, ","), std::to_string(kCount)}) {
    command.push_back(word);
  }
  Process client(command);
  bool counts = false;
  for (int minute = 0; minute < 5 && !counts; ++minute) {
    counts = client.AwaitOutputOrEnd("counted ").has_value();
  }
  ASSERT_TRUE(counts) << client.output();
  cluster.Kill(leader);
  EXPECT_EQ(client.Wait(), 0);
  EXPECT_THAT(client.output(), testing::HasSubstr(fmt::format("done {} stored {} version {}\n",
                                                              kCount, kCount, kCount + 1)));

  // The client made the bytes of its keys itself.
  Client reader({.endpoints = endpoints, .deadline = std::chrono::minutes(1)});
  for (const char* key :
       {"0", "1", "127", "128", "255", "256", "-1", "-128", "-129", "18446744073709551616"}) {
    const Answer<Decided> answer = reader.Get(*Key::Parse(key));
    ASSERT_TRUE(answer.ok()) << answer.failure().ToText();
    EXPECT_EQ(answer->value, (Triple{1, -5, key})) << key;
  }
}

}  // namespace
}  // namespace tripla
