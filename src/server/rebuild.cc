// SPDX-License-Identifier: Apache-2.0
#include "server/rebuild.h"

#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/random_number.h"
#include "base/status_macros.h"
#include "model/level.h"
#include "service/peer_service.h"
#include "tripla/internal/peer.grpc.pb.h"

namespace tripla {
namespace {

using Reply = absl::StatusOr<internal::LogStateReply>;

constexpr std::chrono::seconds kPatience{2};
// Longer than an election takes.
constexpr std::chrono::seconds kElectionPatience{10};
constexpr std::chrono::milliseconds kPause{100};

// More starts than the lost replica can have had that no other member has heard of.
constexpr uint64_t kUnknownStartsMax = uint64_t{1} << 20;

// Higher than of an earlier attempt, which a member that does not answer now may have heard of.
uint64_t CountOfReplacement(uint64_t known) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::max<uint64_t>(known + kUnknownStartsMax,
                            std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

template <typename Answer = internal::LogStateReply, typename Call>
absl::StatusOr<Answer> Ask(const std::string& endpoint, Call&& call) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  internal::Peer::Stub peer(grpc::CreateCustomChannel(
      "dns:///" + endpoint, grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  Answer reply;
  const grpc::Status status = call(peer, context, reply);
  if (status.ok()) return reply;
  const std::string why = fmt::format("{}: {}", endpoint, status.error_message());
  return status.error_code() == grpc::StatusCode::FAILED_PRECONDITION
             ? absl::FailedPreconditionError(why)
             : absl::UnavailableError(why);
}

Reply AskLogState(const Membership& membership, const Member& member) {
  internal::LogStateRequest request;
  request.set_members(MembersText(membership.members));
  return Ask(member.client_endpoint, [&](auto& peer, auto& context, auto& reply) {
    return peer.LogState(&context, request, &reply);
  });
}

Reply Replace(const Replacement& replacement, const Membership& membership, const Member& member) {
  internal::ReplaceRequest request;
  request.set_cluster(replacement.cluster);
  request.set_node(membership.node);
  ToProto(replacement.starts.own.last(), *request.mutable_start());
  return Ask(member.client_endpoint, [&](auto& peer, auto& context, auto& reply) {
    return peer.Replace(&context, request, &reply);
  });
}

std::string NamesOf(const std::vector<Member>& members) {
  return absl::StrJoin(members, ", ",
                       [](std::string* text, const Member& member) { text->append(member.node); });
}

absl::Status CheckIsLost(const Membership& membership) {
  if (!AskLogState(membership, membership.self()).ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format("{} is not lost: it serves at {}; stop it first",
                                                   membership.node,
                                                   membership.self().client_endpoint));
}

// What one of the others says of its own directory is not there, only what they say of each other.
void NoteStarts(const internal::LogStateReply& reply, std::map<std::string, Start>& starts) {
  for (const auto& [node, said] : reply.starts()) {
    const Start start = FromProto(said);
    const auto [known, is_new] = starts.emplace(node, start);
    if (!is_new && known->second.count < start.count) known->second = start;
  }
}

absl::Status NoteCluster(const Member& member, const std::string& cluster,
                         Replacement& replacement) {
  if (replacement.cluster.empty()) replacement.cluster = cluster;
  if (replacement.cluster == cluster) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "the others are not of one cluster: {} is of {}, another one of {}; find out which "
      "of them holds the data, and prepare the others anew",
      member.node, cluster, replacement.cluster));
}

// A question to each of `members`, and what it does with the answer.
absl::Status AskEnough(
    const Membership& membership, const std::vector<Member>& members,
    const std::function<Reply(const Member&)>& ask,
    const std::function<absl::Status(const Member&, const internal::LogStateReply&)>& take) {
  size_t answered = 0;
  std::vector<std::string> missing;
  for (const Member& member : members) {
    const Reply reply = ask(member);
    if (absl::IsFailedPrecondition(reply.status())) return reply.status();
    if (!reply.ok()) {
      missing.push_back(fmt::format("{} ({})", member.node, std::string(reply.status().message())));
      continue;
    }
    ++answered;
    TRIPLA_RETURN_IF_ERROR(take(member, *reply));
  }
  const size_t all = membership.members.size();
  const size_t majority = all / 2 + 1;
  // A majority with the lost replica has at least majority - 1 of the others. If more than
  // all - majority answered, at least one of them is among these.
  if (answered > all - majority) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("{} of the {} other servers must be up to rebuild {} from them, but {} answered; "
                  "missing: {}; start them first",
                  all - majority + 1, all - 1, membership.node, answered,
                  missing.empty() ? "there are no others" : absl::StrJoin(missing, ", ")));
}

// The place of an entry that the leader, one of `members`, has begun after they wrote the lost
// directory off, and that is committed now. So the lost one has not helped to commit it, and every
// majority of the others holds it, and with it all that the lost one did help to commit.
absl::StatusOr<LogIndex> AwaitCommit(const std::string& cluster,
                                     const std::vector<Member>& members) {
  internal::ReadIndexRequest request;
  request.set_cluster(cluster);
  request.set_by_entry(true);
  const auto deadline = std::chrono::steady_clock::now() + kElectionPatience;
  std::vector<std::string> why;
  do {
    why.clear();
    for (const Member& member : members) {
      const auto reply = Ask<internal::ReadIndexReply>(
          member.client_endpoint, [&](auto& peer, auto& context, auto& answer) {
            return peer.ReadIndex(&context, request, &answer);
          });
      if (reply.ok()) return reply->index();
      why.push_back(fmt::format("{} ({})", member.node, std::string(reply.status().message())));
    }
    std::this_thread::sleep_for(kPause);
  } while (std::chrono::steady_clock::now() < deadline);
  return absl::UnavailableError(fmt::format(
      "none of the servers that answered leads, and only the leader knows what the lost "
      "one has acknowledged to it: {}; make sure that the leader can be reached",
      absl::StrJoin(why, ", ")));
}

std::vector<Member> Others(const Membership& membership) {
  std::vector<Member> others = membership.members;
  std::erase(others, membership.self());
  return others;
}

}  // namespace

absl::StatusOr<Replacement> ReplaceLost(const Membership& membership) {
  TRIPLA_RETURN_IF_ERROR(CheckIsLost(membership));
  Replacement replacement;
  std::map<std::string, Start> starts;
  TRIPLA_RETURN_IF_ERROR(AskEnough(
      membership, Others(membership),
      [&](const Member& member) { return AskLogState(membership, member); },
      [&](const Member& member, const internal::LogStateReply& reply) {
        NoteStarts(reply, starts);
        if (reply.level() != 0) TRIPLA_RETURN_IF_ERROR(CheckLevel(reply.level()));
        return NoteCluster(member, reply.cluster(), replacement);
      }));
  replacement.starts.own = {.count = CountOfReplacement(starts[membership.node].count),
                            .nonces = {RandomNumber()}};
  replacement.starts.said = true;  // by what follows
  starts.erase(membership.node);
  replacement.starts.others = std::move(starts);
  std::vector<Member> written_off;
  absl::Status replaced = AskEnough(
      membership, Others(membership),
      [&](const Member& member) { return Replace(replacement, membership, member); },
      [&](const Member& member, const internal::LogStateReply& reply) {
        written_off.push_back(member);
        LogPosition& known = replacement.known;
        known.term = std::max(known.term, reply.term());
        known.index = std::max(known.index, reply.last_index());
        return absl::OkStatus();
      });
  if (replaced.ok()) {
    const absl::StatusOr<LogIndex> committed = AwaitCommit(replacement.cluster, written_off);
    replaced = committed.status();
    if (committed.ok()) replacement.known.index = std::max(replacement.known.index, *committed);
  }
  if (replaced.ok()) return replacement;
  if (written_off.empty()) return replaced;
  return absl::Status(
      replaced.code(),
      fmt::format("{}; the former directory of {} is already refused by {}: run init --rebuild "
                  "again",
                  std::string(replaced.message()), membership.node, NamesOf(written_off)));
}

absl::Status CheckIsNotFormed(const Membership& membership) {
  for (const Member& member : Others(membership)) {
    const Reply reply = AskLogState(membership, member);
    if (absl::IsFailedPrecondition(reply.status())) return reply.status();
    if (!reply.ok()) continue;
    return absl::FailedPreconditionError(
        fmt::format("the cluster is formed: {} belongs to {}; if {} replaces a lost replica, use "
                    "--rebuild",
                    member.node, reply->cluster(), membership.node));
  }
  return absl::OkStatus();
}

}  // namespace tripla
