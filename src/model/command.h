// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/limits.h"
#include "tripla/key.h"

namespace tripla {

// Numbers are in log records: add, never change. An unknown one in a log stops the server.
enum class CommandKind : uint8_t {
  kSet = 1,
  kGet = 2,  // only inside a BatchRequest with writes, where it must see them
  kDel = 3,
  kDelVersion = 4,
  kTestAndSet = 5,
};

using ClientId = std::array<char, limits::kClientIdBytes>;

// What makes a write happen exactly once (R13).
struct RequestId {
  ClientId client{};
  uint64_t sequence = 0;  // from 1
  uint64_t first_unanswered = 0;
  bool sent_before = false;  // this is not the first attempt (R13a); no part of the id

  friend bool operator==(const RequestId&, const RequestId&) = default;
};

// One operation, checked at the edge: within limits, key canonical. A value; what a kind does not
// use stays zero.
struct Command {
  CommandKind kind = CommandKind::kGet;
  Key key;
  int64_t timestamp = 0;     // set, testAndSet
  int64_t version = 0;       // del-if-version, testAndSet: the version it expects
  uint64_t if_revision = 0;  // the same: the revision it expects, 0 for any
  std::string data;          // set, testAndSet
  std::optional<RequestId> request_id;
  // The server that took it is short of disk: old answers are to go (SessionTable::MakeRoom). It
  // changes nothing of what this command does.
  bool short_of_disk = false;

  friend bool operator==(const Command&, const Command&) = default;
};

// What the log orders and makes durable in one piece: the commands of many calls.
struct Batch {
  std::vector<Command> commands;

  friend bool operator==(const Batch&, const Batch&) = default;
};

}  // namespace tripla
