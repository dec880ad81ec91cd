// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/membership.h"
#include "log/ratis/vote.h"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include "base/diagnostics.h"
#include "base/random_number.h"
#include "base/status_macros.h"
#include "disk/replace_file.h"

namespace tripla {
namespace {

// Its cluster's id was made from the members (docs/decisions/0022-identity.md, "From a former
// version").
constexpr std::string_view kFirstLineBefore = "tripla replica, format 1\n";
constexpr std::string_view kFirstLine = "tripla replica, format 2\n";
constexpr size_t kFileBytesMax = 64 << 10;
constexpr size_t kMembersMax = 15;
constexpr size_t kNodeBytesMax = 32;

absl::Status Invalid(std::string_view what) {
  return absl::InvalidArgumentError(
      fmt::format("{}; write n1=HOST:CLIENTPORT/HOST:RAFTPORT,n2=…", what));
}

bool IsNode(std::string_view text) {
  return !text.empty() && text.size() <= kNodeBytesMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

bool IsEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || text.find_first_of(" \t\n/,=") != text.npos) return false;
  unsigned number = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number >= 1 && number <= 65535;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

absl::StatusOr<Member> ParseMember(std::string_view text) {
  const size_t equals = text.find('=');
  const size_t slash = text.find('/');
  if (equals == text.npos || slash == text.npos || slash < equals) {
    return Invalid(fmt::format("\"{}\" is no member", text));
  }
  Member member{.node = std::string(text.substr(0, equals)),
                .client_endpoint = std::string(text.substr(equals + 1, slash - equals - 1)),
                .raft_endpoint = std::string(text.substr(slash + 1))};
  if (!IsNode(member.node)) {
    return Invalid(fmt::format("\"{}\" is no node id (letters, digits, - and _, {} at most)",
                               member.node, kNodeBytesMax));
  }
  for (const std::string& endpoint : {member.client_endpoint, member.raft_endpoint}) {
    if (!IsEndpoint(endpoint)) return Invalid(fmt::format("\"{}\" is not HOST:PORT", endpoint));
  }
  return member;
}

// Every other member, and every client, would find itself there.
absl::Status CheckReachable(const Member& member) {
  for (const std::string& endpoint : {member.client_endpoint, member.raft_endpoint}) {
    const std::string host = endpoint.substr(0, endpoint.rfind(':'));
    if (host != "0.0.0.0" && host != "[::]" && host != "::") continue;
    return Invalid(
        fmt::format("\"{}\" is not an address of {}: name the host by which the others reach it, "
                    "and say where to listen with --listen and --raft-listen",
                    endpoint, member.node));
  }
  return absl::OkStatus();
}

std::string MemberText(const Member& member) {
  return fmt::format("{}={}/{}", member.node, member.client_endpoint, member.raft_endpoint);
}

absl::Status CheckMembers(const std::vector<Member>& members) {
  std::set<std::string> seen;
  for (const Member& member : members) {
    for (const std::string& each : {member.node, member.client_endpoint, member.raft_endpoint}) {
      if (!seen.insert(each).second) return Invalid(fmt::format("\"{}\" comes twice", each));
    }
  }
  if (members.size() > kMembersMax) {
    return Invalid(fmt::format("{} members; {} at most", members.size(), kMembersMax));
  }
  return absl::OkStatus();
}

absl::StatusOr<Membership> MakeMembership(std::string_view node, std::vector<Member> members) {
  // In whatever order they were written, it is the same cluster.
  std::ranges::sort(members, {}, &Member::node);
  TRIPLA_RETURN_IF_ERROR(CheckMembers(members));
  Membership membership{.node = std::string(node)};
  membership.members = std::move(members);
  if (membership.Find(node) == nullptr) {
    return Invalid(fmt::format("the cluster has no member \"{}\"", node));
  }
  return membership;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::string_view("0123456789abcdef").find(text[i]) == text.npos) {
      return false;
    }
  }
  return true;
}

std::string ReplicaPath(const DataDirectory& directory) { return directory.path() + "/replica"; }

std::string CheckLine(std::string_view before) {
  return fmt::format("check {:016x}\n", XXH3_64bits(before.data(), before.size()));
}

std::string ToText(const Membership& membership) {
  std::string text(kFirstLine);
  if (membership.is_formed()) text += fmt::format("cluster {}\n", membership.cluster);
  text += fmt::format("node {}\n", membership.node);
  for (const Member& member : membership.members) text += "member " + MemberText(member) + "\n";
  if (membership.votes_from > 0) text += fmt::format("votes-from {}\n", membership.votes_from);
  if (!membership.origin.empty()) text += fmt::format("origin {}\n", membership.origin);
  return text + CheckLine(text);
}

absl::StatusOr<Membership> FromText(std::string_view text) {
  const size_t check = text.rfind("check ");
  if (check == text.npos || text.substr(check) != CheckLine(text.substr(0, check))) {
    return absl::DataLossError("its checksum is wrong");
  }
  if (!text.starts_with(kFirstLine) && !text.starts_with(kFirstLineBefore)) {
    return absl::UnimplementedError("a newer tripla has written it");
  }
  std::string cluster, node, origin;
  std::vector<Member> members;
  LogIndex votes_from = 0;
  for (const std::string_view line : Split(text.substr(0, check), '\n')) {
    if (line.starts_with("cluster ")) cluster = line.substr(8);
    if (line.starts_with("node ")) node = line.substr(5);
    if (line.starts_with("origin ")) origin = line.substr(7);
    if (line.starts_with("votes-from ")) {
      std::from_chars(line.data() + 11, line.data() + line.size(), votes_from);
    }
    if (!line.starts_with("member ")) continue;
    TRIPLA_ASSIGN_OR_RETURN(Member member, ParseMember(line.substr(7)));
    members.push_back(std::move(member));
  }
  TRIPLA_ASSIGN_OR_RETURN(Membership membership, MakeMembership(node, std::move(members)));
  if (!cluster.empty() && !IsUuid(cluster)) {
    return absl::DataLossError(fmt::format("\"{}\" is no id of a cluster", cluster));
  }
  membership.cluster = cluster;
  membership.votes_from = votes_from;
  membership.origin = origin;
  membership.is_of_format_1 = text.starts_with(kFirstLineBefore);
  return membership;
}

// The term and the vote, as Ratis writes them. A vote for itself keeps a node from voting for
// another in that term.
std::string Metadata(const Membership& membership, uint64_t term) {
  return fmt::format("term={}\nvotedFor={}\n", term, term == 0 ? "" : membership.node);
}

absl::Status CreateMissingDirectory(Disk& disk, const std::string& path) {
  const absl::Status created = disk.CreateDirectory(path);
  return absl::IsAlreadyExists(created) ? absl::OkStatus() : created;
}

absl::Status MakeRatisDirectory(const DataDirectory& directory, const Membership& membership,
                                uint64_t term) {
  Disk& disk = directory.disk();
  const std::string current = RatisLogPath(directory, membership);
  const std::string group = current.substr(0, current.rfind('/'));
  TRIPLA_RETURN_IF_ERROR(CreateMissingDirectory(disk, group));
  TRIPLA_RETURN_IF_ERROR(CreateMissingDirectory(disk, current));
  TRIPLA_RETURN_IF_ERROR(ReplaceFile(disk, current + "/raft-meta", Metadata(membership, term)));
  TRIPLA_RETURN_IF_ERROR(disk.SyncDirectory(group));
  return disk.SyncDirectory(directory.log_path());
}

absl::Status WriteMembership(const DataDirectory& directory, const Membership& membership) {
  return ReplaceFile(directory.disk(), ReplicaPath(directory), ToText(membership));
}

// As a standalone server it would leave out what is in Ratis's log.
absl::Status CheckIsNoReplica(const DataDirectory& directory) {
  Disk& disk = directory.disk();
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, disk.List(directory.log_path()));
  for (const std::string& name : names) {
    const std::string metadata = directory.log_path() + "/" + name + "/current/raft-meta";
    if (!disk.Open(metadata, OpenMode::kRead).ok()) continue;
    return absl::DataLossError(fmt::format(
        "{} is missing, but {} is a replica's; restore this file from a copy; if triplad init was "
        "cut off here, empty {} and init again",
        ReplicaPath(directory), metadata, directory.path()));
  }
  return absl::OkStatus();
}

}  // namespace

const Member* Membership::Find(std::string_view id) const {
  const auto found = std::ranges::find(members, id, &Member::node);
  return found == members.end() ? nullptr : &*found;
}

std::string ReceivedImagesPath(const DataDirectory& directory, const Membership& membership) {
  return directory.log_path() + "/" + membership.cluster + "/sm";
}

std::string RatisLogPath(const DataDirectory& directory, const Membership& membership) {
  return directory.log_path() + "/" + membership.cluster + "/current";
}

absl::StatusOr<Membership> ParseMembership(std::string_view node, std::string_view cluster) {
  std::vector<Member> members;
  for (const std::string_view text : Split(cluster, ',')) {
    TRIPLA_ASSIGN_OR_RETURN(Member member, ParseMember(text));
    TRIPLA_RETURN_IF_ERROR(CheckReachable(member));
    members.push_back(std::move(member));
  }
  return MakeMembership(node, std::move(members));
}

std::string MembersText(const std::vector<Member>& members) {
  std::string text;
  for (const Member& member : members) {
    text += fmt::format("{}{}", text.empty() ? "" : ",", MemberText(member));
  }
  return text;
}

std::string ClusterIdOf(std::vector<uint64_t> births) {
  std::ranges::sort(births);
  const XXH128_hash_t hash = XXH3_128bits(births.data(), births.size() * sizeof(uint64_t));
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", hash.high64 >> 32,
                     hash.high64 >> 16 & 0xffff, hash.high64 & 0xffff, hash.low64 >> 48,
                     hash.low64 & 0xffffffffffff);
}

absl::Status CheckHoldsNothing(const DataDirectory& directory) {
  for (const std::string& path : {directory.path(), directory.log_path(), directory.image_path()}) {
    static const std::set<std::string> kOfAnEmptyOne = {"format", "image", "lock", "log"};
    TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names, directory.disk().List(path));
    for (const std::string& name : names) {
      if (path == directory.path() && kOfAnEmptyOne.contains(name)) continue;
      return absl::FailedPreconditionError(
          name.ends_with(".partial") || name == "starts"
              ? fmt::format("triplad init was cut off in {}: empty it, and init again",
                            directory.path())
          : name == "replica" ? fmt::format("{} is a replica's already: start it, or take an empty "
                                            "directory",
                                            directory.path())
                              : fmt::format("{} holds data ({}/{}): a replica begins with an empty "
                                            "directory",
                                            directory.path(), path, name));
    }
  }
  return absl::OkStatus();
}

absl::Status InitializeReplica(const DataDirectory& directory, const Membership& membership) {
  TRIPLA_RETURN_IF_ERROR(CheckHoldsNothing(directory));
  return JoinCluster(directory, membership, {.own = {.nonces = {RandomNumber()}}});
}

absl::Status InitializeReplica(const DataDirectory& directory, const Membership& membership,
                               uint64_t term, const StartsRecord& starts) {
  TRIPLA_RETURN_IF_ERROR(CheckHoldsNothing(directory));
  TRIPLA_RETURN_IF_ERROR(MakeRatisDirectory(directory, membership, term));
  return JoinCluster(directory, membership, starts);
}

absl::Status JoinCluster(const DataDirectory& directory, const Membership& membership,
                         const StartsRecord& starts) {
  TRIPLA_RETURN_IF_ERROR(WriteStarts(directory, starts));
  return WriteMembership(directory, membership);
}

absl::Status PrepareFirstStart(const DataDirectory& directory, const Membership& membership) {
  const absl::StatusOr<StartsRecord> starts = ReadStarts(directory);
  if (!starts.ok() || starts->own.count != 0) return absl::OkStatus();
  // The image that it begins with is of term 1, and leaders are of later ones.
  return MakeRatisDirectory(directory, membership, membership.origin.empty() ? 0 : 1);
}

absl::StatusOr<std::optional<Membership>> ReadReplicaFile(const DataDirectory& directory) {
  Disk& disk = directory.disk();
  const std::string path = ReplicaPath(directory);
  absl::StatusOr<std::unique_ptr<File>> file = disk.Open(path, OpenMode::kRead);
  if (absl::IsNotFound(file.status())) {
    TRIPLA_RETURN_IF_ERROR(CheckIsNoReplica(directory));
    return std::nullopt;
  }
  TRIPLA_RETURN_IF_ERROR(file.status());
  std::string text(kFileBytesMax, '\0');
  TRIPLA_ASSIGN_OR_RETURN(const size_t size, (*file)->ReadAt(0, text.data(), text.size()));
  text.resize(size);
  absl::StatusOr<Membership> membership = FromText(text);
  if (!membership.ok()) {
    return absl::Status(membership.status().code(),
                        fmt::format("{} cannot be used: {}; restore this file from a copy", path,
                                    std::string(membership.status().message())));
  }
  return membership;
}

absl::Status RaiseTerm(const DataDirectory& directory, const Membership& membership,
                       uint64_t term) {
  TRIPLA_ASSIGN_OR_RETURN(const Vote vote, ReadVote(directory, membership));
  if (vote.term >= term) return absl::OkStatus();
  const std::string current = RatisLogPath(directory, membership);
  TRIPLA_RETURN_IF_ERROR(
      ReplaceFile(directory.disk(), current + "/raft-meta", Metadata(membership, term)));
  TRIPLA_RETURN_IF_ERROR(directory.disk().SyncDirectory(current));
  Say(Severity::kWarning,
      fmt::format("{}/raft-meta says term {}, but the last record is of term {}: the term is "
                  "raised, and {} votes for no other server in it; if the file came from an older "
                  "copy, votes of later terms may be lost too: {}",
                  current, vote.term, term, membership.node, kRebuild));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Membership>> ReadMembership(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(std::optional<Membership> membership, ReadReplicaFile(directory));
  if (!membership) return membership;
  const absl::StatusOr<StartsRecord> starts = ReadStarts(directory);
  if (absl::IsNotFound(starts.status()) && !membership->is_of_format_1) {
    return absl::DataLossError(
        fmt::format("{}/starts is missing: without it {} cannot show that its directory is not an "
                    "older copy; {}",
                    directory.path(), membership->node, kRebuild));
  }
  const bool never_started = starts.ok() && starts->own.count == 0;
  if (!membership->is_formed() || never_started) return membership;
  const absl::Status vote = ReadVote(directory, *membership).status();
  if (absl::IsNotFound(vote) || absl::IsDataLoss(vote)) {
    return absl::DataLossError(
        fmt::format("{}: without its log and its vote {} could make the cluster lose acknowledged "
                    "writes; {}",
                    std::string(vote.message()), membership->node, kRebuild));
  }
  TRIPLA_RETURN_IF_ERROR(vote);
  return membership;
}

}  // namespace tripla
