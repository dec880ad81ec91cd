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

// These numbers are in log records: add new ones, never change them. A server does not start with a
// log that has an unknown one.
enum class CommandKind : uint8_t {
  kSet = 1,
  kGet = 2,  // only inside a BatchRequest with writes, where it must see them
  kDel = 3,
  kDelVersion = 4,
  kTestAndSet = 5,
  // 6 to 12 and 16 to 21 are taken by levels to come.
  kRaiseLevel = 13,  // by servers, not by clients (R28)
};

using ClientId = std::array<char, limits::kClientIdBytes>;

// Identifies a write, so that it is executed only once (R13).
struct RequestId {
  ClientId client{};
  uint64_t sequence = 0;  // from 1
  uint64_t first_unanswered = 0;
  bool sent_before = false;  // this is not the first attempt (R13a); no part of the id

  friend bool operator==(const RequestId&, const RequestId&) = default;
};

// One operation, already checked: within limits, with a canonical key. Fields that a kind does not
// use are zero.
struct Command {
  CommandKind kind = CommandKind::kGet;
  Key key;
  int64_t timestamp = 0;     // set, testAndSet
  int64_t version = 0;       // del-if-version, testAndSet: the version it expects; the new level
  uint64_t if_revision = 0;  // the same: the revision it expects, 0 for any
  std::string data;          // set, testAndSet
  std::optional<RequestId> request_id;
  // The server that took it is short of disk: old answers are to go (SessionTable::MakeRoom). It
  // changes nothing of what this command does.
  bool short_of_disk = false;

  friend bool operator==(const Command&, const Command&) = default;
};

// The unit that the log orders and makes durable: the commands of many calls.
struct Batch {
  std::vector<Command> commands;

  friend bool operator==(const Batch&, const Batch&) = default;
};

}  // namespace tripla
