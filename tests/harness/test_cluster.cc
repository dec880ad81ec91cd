// SPDX-License-Identifier: Apache-2.0
#include "tests/harness/test_cluster.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <random>
#include <thread>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/check.h"

namespace tripla {
namespace {

constexpr std::chrono::minutes kPatience{1};
constexpr std::chrono::seconds kStatusPatience{30};
constexpr std::chrono::milliseconds kBetweenLooks{2};

std::string NodeOf(int number) { return "n" + std::to_string(number + 1); }

}  // namespace

int FreePort() {
  // Below those that Linux gives to outgoing connections: one of these, of any program, could take
  // the port before the server does.
  constexpr uint16_t kFirst = 15'000;
  constexpr uint16_t kCount = 15'000;
  static std::mt19937 chance{std::random_device()()};
  while (true) {
    const auto port = static_cast<uint16_t>(kFirst + chance() % kCount);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    TRIPLA_CHECK(fd >= 0, "a socket can be opened");
    const sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
      // Kept, so that no other test takes the port while the server is not there. The server may.
      const int on = 1;
      TRIPLA_CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0, "a socket");
      return port;
    }
    close(fd);
  }
}

void AwaitTrue(const std::function<bool()>& condition,
               const std::function<std::string()>& describe) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << describe();
    std::this_thread::sleep_for(kBetweenLooks);  // the processor is for the servers
  }
}

TestCluster::TestCluster(const std::string& directory, std::vector<std::string> flags,
                         std::vector<Place> places)
    : directory_(directory),
      flags_(std::move(flags)),
      places_(std::move(places)),
      servers_(places_.size()) {
  std::ifstream(directory_ + "/members") >> members_;
  if (members_.empty()) Prepare();
  const std::vector<std::string> members = absl::StrSplit(members_, ',');
  for (int i = 0; i < size(); ++i) {
    const size_t begin = members[i].find('=') + 1;
    servers_[i].endpoint = members[i].substr(begin, members[i].find('/') - begin);
    Start(i);
  }
  for (int i = 0; i < size(); ++i) AwaitReady(i);
}

TestCluster::~TestCluster() = default;

void TestCluster::Prepare() {
  std::vector<std::string> members;
  for (int i = 0; i < size(); ++i) {
    const std::string address = places_[i].host + ":";
    members.push_back(NodeOf(i) + "=" + address + std::to_string(FreePort()) + "/" + address +
                      std::to_string(FreePort()));
  }
  members_ = absl::StrJoin(members, ",");
  for (int i = 0; i < size(); ++i) {
    Process init({ProgramPath("triplad"), "init", "--data-dir", data_dir(i), "--node", NodeOf(i),
                  "--cluster", members_});
    EXPECT_EQ(init.Wait(), 0) << init.output();
  }
  std::ofstream(directory_ + "/members") << members_;
}

std::string TestCluster::data_dir(int number) const { return directory_ + "/" + NodeOf(number); }

std::vector<std::string> TestCluster::endpoints() const {
  std::vector<std::string> endpoints;
  for (const Server& server : servers_) endpoints.push_back(server.endpoint);
  return endpoints;
}

void TestCluster::Start(int number) {
  const Place& place = places_[number];
  std::vector<std::string> argv = place.launcher;
  const auto add = [&](const std::vector<std::string>& words) {
    argv.insert(argv.end(), words.begin(), words.end());
  };
  add({place.program.empty() ? ProgramPath("triplad") : place.program, "--data-dir",
       data_dir(number), "--node", NodeOf(number)});
  add(flags_);
  add(place.flags);
  Server& server = servers_[number];
  server.paused = false;
  server.stopping = false;
  server.process = std::make_unique<Process>(std::move(argv), place.environment);
  server.channel = Connect(server.endpoint);
  server.stub = v1::KeyValue::NewStub(server.channel);
  server.admin = v1::Admin::NewStub(server.channel);
}

void TestCluster::AwaitReady(int number) { process(number).AwaitOutput("ready on "); }

void TestCluster::BeginStop(int number) {
  servers_[number].stopping = true;
  process(number).Signal(SIGTERM);
}

void TestCluster::Stop(int number) {
  Server& server = servers_[number];
  if (!server.stopping) BeginStop(number);  // a second signal would end it at once
  EXPECT_EQ(server.process->Wait(), 0) << server.process->output();
  server.process = nullptr;
}

void TestCluster::Kill(int number) { servers_[number].process = nullptr; }

void TestCluster::Pause(int number) {
  servers_[number].paused = true;
  process(number).Signal(SIGSTOP);
}

void TestCluster::Resume(int number) {
  servers_[number].paused = false;
  process(number).Signal(SIGCONT);
}

void TestCluster::BringBack(int number) {
  if (servers_[number].paused) Resume(number);
  if (!Runs(number)) Start(number);
  AwaitReady(number);
}

bool TestCluster::Runs(int number) const {
  const Server& server = servers_[number];
  return server.process != nullptr && !server.paused && !server.stopping;
}

v1::StatusReply TestCluster::Status(int number) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() + kStatusPatience);
  v1::StatusReply reply;
  return servers_[number].admin->Status(&context, {}, &reply).ok() ? reply : v1::StatusReply();
}

v1::SnapshotReply TestCluster::Snapshot(int number) {
  grpc::ClientContext context;
  v1::SnapshotReply reply;
  const grpc::Status status = servers_[number].admin->Snapshot(&context, {}, &reply);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return reply;
}

int TestCluster::AwaitLeader() {
  int leader = -1;
  const auto all_agree = [&] {
    std::vector<std::string> leaders;
    for (int i = 0; i < size(); ++i) {
      if (!Runs(i)) continue;
      const v1::StatusReply status = Status(i);
      if (status.role() == "leader") leader = i;
      leaders.push_back(status.leader());
    }
    return leader >= 0 && Runs(leader) &&
           std::ranges::all_of(leaders, [&](const auto& each) { return each == NodeOf(leader); });
  };
  AwaitTrue(all_agree, [] { return "no leader"; });
  return leader;
}

void TestCluster::MakeLeader(int number) {
  constexpr std::chrono::seconds kTransferPatience{10};
  grpc::Status status;
  AwaitTrue(
      [&] {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + kTransferPatience);
        v1::TransferRequest request;
        request.set_node(NodeOf(number));
        v1::TransferReply reply;
        status = servers_[number].admin->Transfer(&context, request, &reply);
        return status.ok();
      },
      [&] { return NodeOf(number) + " does not become the leader: " + status.error_message(); });
  EXPECT_EQ(AwaitLeader(), number);
}

int TestCluster::AwaitFollower() {
  const int leader = AwaitLeader();
  for (int i = 0; i < size(); ++i) {
    if (Runs(i) && i != leader) return i;
  }
  ADD_FAILURE() << "no follower runs";
  return -1;
}

void TestCluster::AwaitSameState() {
  std::string states;
  const auto all_same = [&] {
    std::vector<std::string> all;
    states.clear();
    for (int i = 0; i < size(); ++i) {
      if (!Runs(i)) continue;
      const v1::StatusReply status = Status(i);
      states += NodeOf(i) + ": " + status.ShortDebugString() + "\n";
      if (status.node().empty()) return false;
      all.push_back(std::to_string(status.revision()) + " " + status.state_hash());
    }
    return std::ranges::adjacent_find(all, std::not_equal_to()) == all.end();
  };
  AwaitTrue(all_same, [&] { return "the replicas differ:\n" + states; });
}

}  // namespace tripla
