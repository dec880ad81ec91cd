// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "model/log_position.h"

namespace tripla {

// What to do about a replica whose directory is damaged. Not: restore an older copy. That has
// forgotten what the replica has acknowledged since.
inline constexpr char kRebuild[] =
    "empty the directory and rebuild it from the other servers: triplad init --rebuild "
    "(docs/operating.md)";

// One server of a cluster.
struct Member {
  std::string node;             // its id: letters, digits, '-' and '_'
  std::string client_endpoint;  // where it serves clients, HOST:PORT
  std::string raft_endpoint;    // where it speaks to the other servers, HOST:PORT

  friend bool operator==(const Member&, const Member&) = default;
};

// Who a replica is and who the others are: what `triplad init` writes.
//
//   DIR/replica           "tripla replica, format 1", then a line each: "cluster UUID", "node ID",
//                         "member NODE=CLIENT/RAFT" …, perhaps "votes-from INDEX", and "check" with
//                         the XXH3-64 of all before
//   DIR/log/UUID/         what Ratis keeps: its log, its term and its vote
struct Membership {
  std::string cluster;  // a UUID made from the members, so that all nodes have the same
  std::string node;     // this server, one of the members
  std::vector<Member> members;
  // Not 0 for a replica that replaces a lost one: it does not know what that one has acknowledged,
  // so it takes part in no election before its log has reached this index.
  LogIndex votes_from = 0;

  [[nodiscard]] const Member& self() const { return *Find(node); }
  // Null when there is none of this id.
  [[nodiscard]] const Member* Find(std::string_view id) const;
};

// Reads 'n1=HOST:CLIENTPORT/HOST:RAFTPORT,n2=…' as --cluster takes it. Errors: InvalidArgument,
// which says what is wrong.
[[nodiscard]] absl::StatusOr<Membership> ParseMembership(std::string_view node,
                                                         std::string_view cluster);

// Where Ratis puts an image that came from another replica.
[[nodiscard]] std::string ReceivedImagesPath(const DataDirectory& directory,
                                             const Membership& membership);

// Where Ratis keeps the segments of its log, its term and its vote.
[[nodiscard]] std::string RatisLogPath(const DataDirectory& directory,
                                       const Membership& membership);

// Makes an empty data directory that of a replica which has voted in `term`. All of it is durable
// on return.
//
// Errors: FailedPrecondition when it holds anything already; what the disk says.
[[nodiscard]] absl::Status InitializeReplica(const DataDirectory& directory,
                                             const Membership& membership, uint64_t term = 0);

// Which replica a data directory belongs to; nothing when it is a standalone server's.
//
// Errors: DataLoss when the file is damaged, or missing beside a replica's log, or when what Ratis
// keeps is missing: without its vote a replica must not start, since it could vote twice and so
// lose acknowledged writes.
[[nodiscard]] absl::StatusOr<std::optional<Membership>> ReadMembership(
    const DataDirectory& directory);

}  // namespace tripla
