// SPDX-License-Identifier: Apache-2.0
// A directory that is new, older, a copy or of another cluster (R29, C3, C4): it joins rightly, or
// it is refused and says who, what and what next. No acknowledged write is lost, and there are
// never two histories (docs/decisions/0022-identity.md has the table).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/harness/raw_connection.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::AnyOf;
using testing::HasSubstr;
using Stub = v1::KeyValue::Stub;

// What the directory of n2 or n3 is when the cluster is started; that of n1 is as n1 has left it.
enum class Is { kAsLeft, kNew, kOfAnotherCluster, kOlder, kRunningTwice };

struct Name {
  const char* text;
  const char* says;  // when it cannot take part
};
Name NameOf(Is is) {
  switch (is) {
    case Is::kAsLeft:
      return {"AsLeft", ""};
    case Is::kNew:
      return {"New", "which was formed with another directory of"};
    case Is::kOfAnotherCluster:
      return {"OfAnotherCluster", "it is of another cluster"};
    case Is::kOlder:
      return {"Older", "directory is an older copy, was replaced, or runs twice"};
    case Is::kRunningTwice:
      return {"RunningTwice", "directory is an older copy, was replaced, or runs twice"};
  }
  return {};
}

constexpr int kWrites = 20;

// Waits until a server takes connections of the others.
void AwaitListening(int port) {
  AwaitTrue([&] { return RawConnection("127.0.0.1:" + std::to_string(port)).connected(); },
            [&] { return "nothing listens on port " + std::to_string(port); });
}

class Identity : public testing::TestWithParam<std::tuple<Is, Is>> {
 protected:
  // Two clusters with the same members, and directories of the first from two moments.
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    {
      TestCluster cluster(Path("left"));
      members_ = cluster.members();
      Write(cluster, 1, kWrites / 2);
      for (int i = 0; i < cluster.size(); ++i) cluster.Stop(i);
    }
    fs::copy(Path("left"), Path("older"), fs::copy_options::recursive);
    {
      TestCluster cluster(Path("left"));
      Write(cluster, kWrites / 2 + 1, kWrites);
      cluster.AwaitSameState();
      for (int i = 0; i < cluster.size(); ++i) cluster.Stop(i);
    }
    fs::create_directory(Path("other"));
    for (const char* node : {"n1", "n2", "n3"}) Init(Path("other/") + node, node);
    std::ofstream(Path("other/members")) << members_;
    TestCluster other(Path("other"));
    Write(other, 1000, 1001);
    for (int i = 0; i < other.size(); ++i) other.Stop(i);
  }
  static void TearDownTestSuite() { delete directory_; }

  static std::string Path(const std::string& name) { return directory_->path() + "/" + name; }

  static void Init(const std::string& data_dir, const std::string& node) {
    Process init({ProgramPath("triplad"), "init", "--data-dir", data_dir, "--node", node,
                  "--cluster", members_});
    EXPECT_EQ(init.Wait(), 0) << init.output();
  }

  static void Write(TestCluster& cluster, int first, int last) {
    const int leader = cluster.AwaitLeader();
    for (int key = first; key <= last; ++key) {
      v1::SetRequest request;
      request.set_key(KeyBytes(std::to_string(key)));
      request.set_data(std::to_string(key));
      const CallAnswer answer = Send(cluster.stub(leader), &Stub::Set, request, milliseconds(9000));
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    }
  }

  void SetUp() override {
    fs::remove_all(Path("now"));
    fs::create_directory(Path("now"));
  }
  void TearDown() override { processes_.clear(); }

  static std::string Copy(const std::string& from, const std::string& to) {
    fs::copy(Path(from), Path("now/" + to), fs::copy_options::recursive);
    return Path("now/" + to);
  }

  Process& Start(const std::string& data_dir, const std::string& node,
                 const std::vector<std::string>& flags = {}) {
    std::vector<std::string> argv = {ProgramPath("triplad"), "--data-dir", data_dir, "--node",
                                     node};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return *processes_.emplace_back(std::make_unique<Process>(argv));
  }

  // Starts a server whose directory is this.
  std::vector<Process*> StartAs(Is is, const std::string& node) {
    switch (is) {
      case Is::kAsLeft:
        return {&Start(Copy("left/" + node, node), node)};
      case Is::kNew:
        // The servers that would say that there is a cluster cannot be reached now.
        return {&Start(new_[node == "n2" ? 0 : 1], node)};
      case Is::kOfAnotherCluster:
        return {&Start(Copy("other/" + node, node), node)};
      case Is::kOlder:
        return {&Start(Copy("older/" + node, node), node)};
      case Is::kRunningTwice:
        return {&Start(Copy("left/" + node, node), node),
                &Start(Copy("left/" + node, node + "-again"), node,
                       {"--listen", "127.0.0.1:" + std::to_string(FreePort()), "--raft-listen",
                        "127.0.0.1:" + std::to_string(FreePort())})};
    }
    return {};
  }

  // Waits until a server that cannot take part has said so. It ends, unless another cluster is its.
  static void AwaitRefusal(Is is, const std::vector<Process*>& servers) {
    const std::string says = NameOf(is).says;
    if (says.empty()) return;
    if (is == Is::kOfAnotherCluster) {
      servers[0]->AwaitOutput(says);
      return;
    }
    const auto ended = [&] {
      return std::ranges::any_of(servers, [&](Process* server) {
        return server->output().find(says) != std::string::npos &&
               server->output().find("--rebuild") != std::string::npos;
      });
    };
    AwaitTrue(ended, [&] {
      std::string all;
      for (Process* server : servers) all += server->output() + "\n---\n";
      return all;
    });
    if (servers.size() == 1 && !HasFailure()) {
      EXPECT_NE(servers[0]->Wait(), 0);
    }
  }

  // Address number `field` (0: of clients, 1: of the others) of a member, from 0.
  static int Port(int number, int field) {
    const std::vector<std::string> members = Split(members_, ',');
    const std::string addresses = members[number].substr(members[number].find('=') + 1);
    const std::string address = Split(addresses, '/')[field];
    return std::stoi(address.substr(address.rfind(':') + 1));
  }
  static std::vector<std::string> Split(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream rest(text);
    for (std::string part; std::getline(rest, part, separator);) parts.push_back(part);
    return parts;
  }

  static CallAnswer Read(int number, int key, milliseconds patience) {
    const auto stub =
        v1::KeyValue::NewStub(Connect("127.0.0.1:" + std::to_string(Port(number, 0))));
    v1::GetRequest request;
    request.set_key(KeyBytes(std::to_string(key)));
    return Send(*stub, &Stub::Get, request, patience);
  }

  inline static TemporaryDirectory* directory_ = nullptr;
  inline static std::string members_;
  std::vector<std::string> new_;
  std::vector<std::unique_ptr<Process>> processes_;
};

TEST_P(Identity, R29_JoinsRightlyOrIsRefusedAndSaysWhatNext) {
  const auto [second, third] = GetParam();
  for (const char* node : {"n2", "n3"}) {
    new_.push_back(Path("now/new-") + node);
    Init(new_.back(), node);
  }
  Process& first = Start(Copy("left/n1", "n1"), "n1");
  AwaitListening(Port(0, 1));
  const std::vector<Process*> of_second = StartAs(second, "n2");
  const std::vector<Process*> of_third = StartAs(third, "n3");
  AwaitRefusal(second, of_second);
  AwaitRefusal(third, of_third);
  // Which of two copies is left is chance. The operator ends it: where it listens nobody looks for
  // it, and if it leads, the others can pass no read on to it.
  for (const auto& [is, servers] : {std::pair(second, of_second), std::pair(third, of_third)}) {
    for (Process* server : servers) {
      if (is == Is::kRunningTwice) server->Kill();
    }
  }

  const int with_first = (second == Is::kAsLeft ? 1 : 0) + (third == Is::kAsLeft ? 1 : 0);
  if (with_first > 0) {
    for (int key = 1; key <= kWrites; ++key) {
      CallAnswer answer;
      AwaitTrue(
          [&] {
            answer = Read(0, key, milliseconds(2000));
            return answer.status.ok();
          },
          [&] { return answer.status.error_message() + "\n" + first.output(); });
      EXPECT_EQ(answer.reply.value().data(), std::to_string(key))
          << "an acknowledged write is lost";
    }
  } else {
    // What is answered at all must be so.
    const CallAnswer answer = Read(0, kWrites, milliseconds(2000));
    if (answer.status.ok()) {
      EXPECT_EQ(answer.reply.value().data(), std::to_string(kWrites));
    }
    if (second != Is::kRunningTwice && third != Is::kRunningTwice) {
      EXPECT_FALSE(answer.status.ok()) << "n1 has no majority";
    }
  }
  if (second == Is::kOfAnotherCluster && third == second) {
    of_second[0]->AwaitOutput("ready on");
    const CallAnswer answer = Read(1, 1000, milliseconds(9000));
    EXPECT_EQ(answer.reply.value().data(), "1000") << "the other cluster is whole";
    EXPECT_THAT(first.output(), HasSubstr("of another cluster"));
  }
}

std::string CaseName(const testing::TestParamInfo<std::tuple<Is, Is>>& info) {
  return std::string("N2") + NameOf(std::get<0>(info.param)).text + "N3" +
         NameOf(std::get<1>(info.param)).text;
}

// Each pair; which of the two is n2 makes no difference.
std::vector<std::tuple<Is, Is>> Pairs() {
  std::vector<std::tuple<Is, Is>> pairs;
  for (int second = 0; second <= static_cast<int>(Is::kRunningTwice); ++second) {
    for (int third = second; third <= static_cast<int>(Is::kRunningTwice); ++third) {
      pairs.emplace_back(static_cast<Is>(second), static_cast<Is>(third));
    }
  }
  return pairs;
}

INSTANTIATE_TEST_SUITE_P(OfEachPair, Identity, testing::ValuesIn(Pairs()), CaseName);

}  // namespace
}  // namespace tripla
