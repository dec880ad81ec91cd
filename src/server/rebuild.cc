// SPDX-License-Identifier: Apache-2.0
#include "server/rebuild.h"

#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "tripla/internal/peer.grpc.pb.h"

namespace tripla {
namespace {

constexpr std::chrono::seconds kPatience{2};

absl::StatusOr<LogPosition> Ask(const std::string& endpoint, const std::string& cluster) {
  internal::Peer::Stub peer(
      grpc::CreateChannel("dns:///" + endpoint, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  internal::LogStateRequest request;
  request.set_cluster(cluster);
  internal::LogStateReply reply;
  const grpc::Status status = peer.LogState(&context, request, &reply);
  if (status.ok()) return LogPosition{.term = reply.term(), .index = reply.last_index()};
  const std::string why = fmt::format("{}: {}", endpoint, status.error_message());
  return status.error_code() == grpc::StatusCode::FAILED_PRECONDITION
             ? absl::FailedPreconditionError(why)
             : absl::UnavailableError(why);
}

// Each other member's answer, by node id.
std::map<std::string, absl::StatusOr<LogPosition>> AskOthers(const Membership& membership) {
  std::map<std::string, absl::StatusOr<LogPosition>> answers;
  for (const Member& member : membership.members) {
    if (member.node == membership.node) continue;
    answers.emplace(member.node, Ask(member.client_endpoint, membership.cluster));
  }
  return answers;
}

}  // namespace

absl::StatusOr<LogPosition> AskWhatOthersKnow(const Membership& membership) {
  LogPosition known;
  size_t answered = 0;
  std::vector<std::string> missing;
  for (const auto& [node, state] : AskOthers(membership)) {
    if (absl::IsFailedPrecondition(state.status())) return state.status();
    if (!state.ok()) {
      missing.push_back(fmt::format("{} ({})", node, std::string(state.status().message())));
      continue;
    }
    ++answered;
    known.term = std::max(known.term, state->term);
    known.index = std::max(known.index, state->index);
  }
  const size_t members = membership.members.size();
  const size_t majority = members / 2 + 1;
  // A majority with the lost replica has at least majority - 1 of the others. If more than
  // members - majority answered, at least one of them is among these.
  if (answered > members - majority) return known;
  return absl::UnavailableError(
      fmt::format("{} of the {} other servers must be up to rebuild {} from them, but {} answered; "
                  "missing: {}; start them first",
                  members - majority + 1, members - 1, membership.node, answered,
                  missing.empty() ? "there are no others" : absl::StrJoin(missing, ", ")));
}

absl::StatusOr<uint64_t> TermOfNewCluster(const Membership& membership) {
  uint64_t term = 0;
  for (const auto& [node, state] : AskOthers(membership)) {
    if (absl::IsFailedPrecondition(state.status())) return state.status();
    if (!state.ok()) continue;
    term = std::max(term, state->term);
    if (state->index == 0) continue;
    return absl::FailedPreconditionError(
        fmt::format("the cluster is in use: {} has {} records; if {} replaces a lost "
                    "replica or joins late, use --rebuild",
                    node, state->index, membership.node));
  }
  return term;
}

absl::Status CheckIsLost(const Membership& membership) {
  const std::string& endpoint = membership.self().client_endpoint;
  if (!Ask(endpoint, membership.cluster).ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "{} is not lost: it serves at {}, and would continue to acknowledge writes that the "
      "new one knows nothing of; stop it first",
      membership.node, endpoint));
}

}  // namespace tripla
