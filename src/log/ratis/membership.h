// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "log/ratis/starts.h"
#include "model/log_position.h"

namespace tripla {

// One server of a cluster.
struct Member {
  std::string node;             // its id: letters, digits, '-' and '_'
  std::string client_endpoint;  // where it serves clients, HOST:PORT
  std::string raft_endpoint;    // where it speaks to the other servers, HOST:PORT

  friend bool operator==(const Member&, const Member&) = default;
};

// Who a replica is and who the others are: what `triplad init` writes, and completes when the
// cluster is formed (docs/decisions/0022-identity.md).
//
//   DIR/replica           "tripla replica, format 2", then a line each: "cluster UUID", which is
//                         missing until the cluster is formed, "node ID",
//                         "member NODE=CLIENT/RAFT" …, perhaps "votes-from INDEX" or "origin TEXT",
//                         and "check" with the XXH3-64 of all before
//   DIR/starts            which start of this directory it is (log/ratis/starts.h)
//   DIR/log/UUID/         what Ratis keeps: its log, its term and its vote
struct Membership {
  std::string cluster;  // the cluster's id, a UUID (R29); empty until it is formed
  std::string node;     // this server, one of the members
  std::vector<Member> members;
  // What state the cluster begins with, if not an empty one: the same text on all members.
  std::string origin;
  // Not 0 for a replica that replaces a lost one: it does not know what that one has acknowledged,
  // so it takes part in no election before its log has reached this index.
  LogIndex votes_from = 0;

  bool is_of_format_1 = false;  // it was read from a file of a version that did not count starts

  [[nodiscard]] bool is_formed() const { return !cluster.empty(); }
  [[nodiscard]] const Member& self() const { return *Find(node); }
  // Null when there is none of this id.
  [[nodiscard]] const Member* Find(std::string_view id) const;
};

// Reads 'n1=HOST:CLIENTPORT/HOST:RAFTPORT,n2=…' as --cluster takes it. Errors: InvalidArgument,
// which says what is wrong.
[[nodiscard]] absl::StatusOr<Membership> ParseMembership(std::string_view node,
                                                         std::string_view cluster);

// The members as --cluster takes them, in the order of their ids: the same text on all of them.
[[nodiscard]] std::string MembersText(const std::vector<Member>& members);

// The id of a cluster that these directories form, one for each member, in any order. Each number
// was drawn at random, so the id is random too, and another directory makes another cluster (R29).
[[nodiscard]] std::string ClusterIdOf(std::vector<uint64_t> births);

// Where Ratis puts an image that came from another replica.
[[nodiscard]] std::string ReceivedImagesPath(const DataDirectory& directory,
                                             const Membership& membership);

// Where Ratis keeps the segments of its log, its term and its vote.
[[nodiscard]] std::string RatisLogPath(const DataDirectory& directory,
                                       const Membership& membership);

// FailedPrecondition when the directory holds anything already.
[[nodiscard]] absl::Status CheckHoldsNothing(const DataDirectory& directory);

// Makes an empty data directory that of a replica of a cluster that is still to be formed. All of
// it is durable on return.
//
// Errors: as CheckHoldsNothing(); what the disk says.
[[nodiscard]] absl::Status InitializeReplica(const DataDirectory& directory,
                                             const Membership& membership);

// The same for a replica of a cluster that is formed, which takes the place of a lost one: it has
// voted in `term`, and `starts` says which of its starts came last.
[[nodiscard]] absl::Status InitializeReplica(const DataDirectory& directory,
                                             const Membership& membership, uint64_t term,
                                             const StartsRecord& starts);

// Writes down that the cluster of an initialised replica is formed: `membership` has its id. All of
// it is durable on return; when it is cut off, the cluster is not formed here, and this can be
// repeated.
[[nodiscard]] absl::Status JoinCluster(const DataDirectory& directory, const Membership& membership,
                                       const StartsRecord& starts);

// Makes what Ratis begins with, before the first start of a replica whose cluster is formed. Does
// nothing before later ones. Repeated when it was cut off.
[[nodiscard]] absl::Status PrepareFirstStart(const DataDirectory& directory,
                                             const Membership& membership);

// Raises the term in the file of the vote to that of the last record which the log or the image
// holds, and warns, if it is lower: then the file is older than they are, or could not be written.
// Before Ratis is started. This replica votes for nobody else in that term: it may have voted in it
// (docs/decisions/0022-identity.md). Errors: what the disk says.
[[nodiscard]] absl::Status RaiseTerm(const DataDirectory& directory, const Membership& membership,
                                     uint64_t term);

// As ReadMembership(), for whoever only looks: what a start needs besides this file may be missing.
[[nodiscard]] absl::StatusOr<std::optional<Membership>> ReadReplicaFile(
    const DataDirectory& directory);

// Which replica a data directory belongs to; nothing when it is a standalone server's.
//
// Errors: DataLoss when the file is damaged, or missing beside a replica's log, or when DIR/starts
// is, or what Ratis keeps since the first start: without its vote a replica must not start, since
// it could vote twice and so lose acknowledged writes.
[[nodiscard]] absl::StatusOr<std::optional<Membership>> ReadMembership(
    const DataDirectory& directory);

}  // namespace tripla
