// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tripla {

// A connection between a real replica and one that the test plays (ratis-bridge, Greeting and
// Wire). Its messages are Ratis's protobufs (Raft.proto), written and read field by field.
//
// Thread-safety: one thread. Calls fail the test when the other side does not do as they say.
class RaftConnection {
 public:
  // What a node says when it connects.
  struct Greeting {
    std::string cluster;  // a UUID
    std::string from;
    std::string to;
    uint32_t frame_bytes_max = 0;
  };

  // Of a candidate.
  struct VoteRequest {
    uint64_t term = 0;
    bool pre_vote = false;
  };
  struct VoteAnswer {
    bool granted = false;
    uint64_t term = 0;
  };

  enum class Purpose : uint8_t { kVotes, kEntries };

  // Connects to a node on this machine and greets it.
  RaftConnection(int port, Greeting greeting, Purpose purpose = Purpose::kVotes);
  // Takes a connection of `listener`, for votes: the others are closed.
  explicit RaftConnection(int listener);
  ~RaftConnection();
  RaftConnection(const RaftConnection&) = delete;
  RaftConnection& operator=(const RaftConnection&) = delete;

  [[nodiscard]] const Greeting& greeting() const { return greeting_; }

  // Asks for a vote. Nothing when the other side does not take part in an election now.
  std::optional<VoteAnswer> AskForVote(const VoteRequest& request);

  // Sends a leader's message without entries. The term of the answer; nothing when there was an
  // error.
  std::optional<uint64_t> SendHeartbeat(uint64_t term);

  // Waits for the other side to ask for a vote. Nothing when it hangs up.
  std::optional<VoteRequest> AwaitRequest();
  // Grants the vote that was asked for last.
  void Grant();

 private:
  [[nodiscard]] std::string Header() const;
  // The answer to a call; nothing when it is an error.
  std::optional<std::string> Call(uint8_t call, const std::string& message) const;
  // The greeting of a node that connects.
  [[nodiscard]] std::string Lines(Purpose purpose) const;
  [[nodiscard]] bool Send(const std::string& bytes) const;
  [[nodiscard]] std::string Receive(size_t count) const;
  [[nodiscard]] std::string ReceiveText() const;
  [[nodiscard]] std::string ReceiveLines() const;
  [[nodiscard]] uint32_t ReceiveNumber() const;
  bool SendFrame(uint8_t kind, const std::string& content) const;

  int fd_;
  Greeting greeting_;
  std::string header_;  // of the request that came last
  uint64_t term_ = 0;   // of it
};

// A socket that listens on this port of this machine.
[[nodiscard]] int ListenOn(int port);

}  // namespace tripla
