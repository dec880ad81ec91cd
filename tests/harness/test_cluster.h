// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/process.h"
#include "tests/harness/test_server.h"
#include "tripla/v1/tripla.grpc.pb.h"

namespace tripla {

// Where and how a server runs.
struct ServerPlace {
  std::string host = "127.0.0.1";
  std::vector<std::string> launcher;     // the words before triplad's own
  std::vector<std::string> environment;  // NAME=VALUE
  std::vector<std::string> flags;
  std::string program;  // empty: triplad
};

// Real triplad processes that are replicas of one database, on loopback ports of their own,
// numbered from 0 (nodes n1, n2 …). Three, unless there are other places.
//
// Thread-safety: one thread starts, stops, kills and pauses; connections may be used by many.
class TestCluster {
 public:
  static constexpr int kSize = 3;
  using Place = ServerPlace;

  // Prepares `directory`/n1 and so on unless that was done before, starts all, and waits until each
  // is ready.
  explicit TestCluster(const std::string& directory, std::vector<std::string> flags = {},
                       std::vector<Place> places = std::vector<Place>(kSize));
  ~TestCluster();

  // Starts one that does not run; AwaitReady() waits for it.
  void Start(int number);
  // Makes one that was killed, stopped or paused run again, and waits until it is ready.
  void BringBack(int number);
  // What the next start of this one goes by.
  [[nodiscard]] Place& place(int number) { return places_[number]; }
  void AwaitReady(int number);
  // SIGTERM; expects exit code 0.
  void Stop(int number);
  // The same in two steps, so that other things may happen between: Stop() is the second.
  void BeginStop(int number);
  // kill -9.
  void Kill(int number);
  // SIGSTOP and SIGCONT.
  void Pause(int number);
  void Resume(int number);

  [[nodiscard]] v1::KeyValue::Stub& stub(int number) { return *servers_[number].stub; }
  [[nodiscard]] std::shared_ptr<grpc::Channel> channel(int number) {
    return servers_[number].channel;
  }
  [[nodiscard]] Process& process(int number) { return *servers_[number].process; }
  [[nodiscard]] const std::string& endpoint(int number) const { return servers_[number].endpoint; }
  [[nodiscard]] std::vector<std::string> endpoints() const;
  [[nodiscard]] std::string data_dir(int number) const;
  // As --cluster takes it.
  [[nodiscard]] const std::string& members() const { return members_; }

  [[nodiscard]] int size() const { return static_cast<int>(servers_.size()); }

  // Neither killed nor stopped, or about to stop, nor paused.
  [[nodiscard]] bool Runs(int number) const;

  // What a server says of itself; empty when it does not answer.
  [[nodiscard]] v1::StatusReply Status(int number);
  v1::SnapshotReply Snapshot(int number);

  // Waits until one of those that run leads and the others that run know it. Returns its number.
  int AwaitLeader();
  // Lets this one lead, and waits until it does.
  void MakeLeader(int number);
  // Any that runs and does not lead.
  int AwaitFollower();
  // Waits until all that run have the same state.
  void AwaitSameState();

 private:
  struct Server {
    std::unique_ptr<Process> process;  // null when it does not run
    bool paused = false;
    bool stopping = false;
    std::string endpoint;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<v1::KeyValue::Stub> stub;
    std::unique_ptr<v1::Admin::Stub> admin;
  };

  void Prepare();

  const std::string directory_;
  const std::vector<std::string> flags_;
  std::vector<Place> places_;
  std::string members_;
  std::vector<Server> servers_;
};

// Tries until it is true, or a minute has passed: then the test fails with what `describe` says.
void AwaitTrue(const std::function<bool()>& condition,
               const std::function<std::string()>& describe);

// A TCP port of 127.0.0.1 that a server of this test may take. No other test is given it while this
// process lives.
[[nodiscard]] int FreePort();

}  // namespace tripla
