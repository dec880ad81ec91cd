// SPDX-License-Identifier: Apache-2.0
#include "service/peer_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "service/status_mapping.h"
#include "service/transfer_answer.h"

namespace tripla {

namespace {

// More than a server can be started, or than any time in microseconds.
constexpr uint64_t kStartsMax = uint64_t{1} << 60;

}  // namespace

rpc::Status CheckMembersAgree(const Membership& membership, const std::string& members) {
  const std::string own = MembersText(membership.members);
  if (members == own) return {};
  return {absl::StatusCode::kFailedPrecondition,
          fmt::format("{} was prepared with other members: its --cluster is {}, not {}",
                      membership.node, own, members)};
}

void ToProto(const Start& start, internal::Start& to) {
  to.set_count(start.count);
  to.set_nonce(start.nonce);
}

Start FromProto(const internal::Start& start) {
  return {.count = start.count(), .nonce = start.nonce()};
}

PeerService::PeerService(const Membership& membership, MemberStarts& starts, Sources sources)
    : membership_(membership), starts_(starts), sources_(std::move(sources)) {}

void PeerService::AddTo(rpc::Methods& methods) {
  using rpc::CallPtr;
  const auto& service =
      *internal::ReadIndexRequest::descriptor()->file()->FindServiceByName("Peer");
  methods.Add<internal::ReadIndexRequest>(
      service, "ReadIndex",
      [this](const CallPtr& call, const auto& request) { ReadIndex(call, request); }, RefusedRead);
  methods.Add<internal::StateHashesRequest>(
      service, "StateHashes",
      [this](const CallPtr& call, const auto& request) { StateHashes(*call, request); },
      RefusedRead);
  methods.Add<internal::LogStateRequest>(
      service, "LogState",
      [this](const CallPtr& call, const auto& request) { LogState(*call, request); }, RefusedRead);
  methods.Add<internal::ReplaceRequest>(
      service, "Replace",
      [this](const CallPtr& call, const auto& request) { Replace(call, request); }, RefusedRead);
  methods.Add<internal::FormRequest>(
      service, "Form", [this](const CallPtr& call, const auto& request) { Form(*call, request); },
      RefusedRead);
  methods.Add<internal::TransferRequest>(
      service, "Transfer",
      [this](const CallPtr& call, const auto& request) { Transfer(call, request); }, RefusedRead);
}

rpc::Status PeerService::Check(const std::string& cluster) const {
  if (cluster == membership_.cluster) return {};
  return {absl::StatusCode::kFailedPrecondition,
          fmt::format("{} belongs to cluster {}, not {}", membership_.node, membership_.cluster,
                      cluster)};
}

void PeerService::ReadIndex(const rpc::CallPtr& call,
                            const internal::ReadIndexRequest& request) const {
  if (rpc::Status status = Check(request.cluster()); !status.ok()) return call->Finish(status);
  sources_.confirm_read_index(
      request.by_entry() ? Proof::kEntry : Proof::kUsual,
      [call](const absl::StatusOr<LogIndex>& index) {
        if (!index.ok()) return call->Finish(ReadError(index.status(), NoRoom::Overloaded()));
        internal::ReadIndexReply reply;
        reply.set_index(*index);
        call->Reply(reply);
      });
}

void PeerService::StateHashes(rpc::Call& call, const internal::StateHashesRequest& request) const {
  if (rpc::Status status = Check(request.cluster()); !status.ok()) return call.Finish(status);
  internal::StateHashesReply reply;
  const std::map<LogIndex, StateHash> known = sources_.state_hashes();
  for (const uint64_t index : request.indexes()) {
    const auto found = known.find(index);
    if (found == known.end()) continue;
    internal::StateHash& hash = *reply.add_hashes();
    hash.set_index(index);
    hash.set_hash(found->second.data(), found->second.size());
  }
  call.Reply(reply);
}

rpc::Status PeerService::FillLogState(internal::LogStateReply& reply) const {
  const absl::StatusOr<LogPosition> state = sources_.log_state();
  if (!state.ok()) return ReadError(state.status(), NoRoom::Overloaded());
  reply.set_term(state->term);
  reply.set_last_index(state->index);
  sources_.fill_room(reply);
  reply.set_cluster(membership_.cluster);
  const Levels levels = sources_.levels();
  reply.set_level(levels.reached);
  reply.set_level_highest(levels.highest);
  reply.set_level_max(std::min(sources_.level_max, levels.highest));
  for (const auto& [node, start] : starts_.others())
    ToProto(start, (*reply.mutable_starts())[node]);
  return {};
}

void PeerService::LogState(rpc::Call& call, const internal::LogStateRequest& request) const {
  internal::LogStateReply reply;
  rpc::Status status = request.cluster().empty() ? CheckMembersAgree(membership_, request.members())
                                                 : Check(request.cluster());
  if (status.ok()) status = FillLogState(reply);
  if (!status.ok()) return call.Finish(status);
  call.Reply(reply);
}

rpc::Status PeerService::CheckReplace(const internal::ReplaceRequest& request) const {
  if (rpc::Status status = Check(request.cluster()); !status.ok()) return status;
  if (request.node() == membership_.node || membership_.Find(request.node()) == nullptr) {
    return {absl::StatusCode::kInvalidArgument,
            fmt::format("\"{}\" is no other member", request.node())};
  }
  if (request.start().count() <= kStartsMax) return {};
  return {absl::StatusCode::kInvalidArgument,
          fmt::format("start {} is out of range, at most {}", request.start().count(), kStartsMax)};
}

rpc::Status PeerService::NoteReplaced(const internal::ReplaceRequest& request) const {
  const Start start = FromProto(request.start());
  const absl::Status noted =
      sources_.note_starts(request.node(), {.count = start.count, .nonces = {start.nonce}});
  if (!noted.ok()) return ReadError(noted, NoRoom::ReadOnly());
  sources_.disconnect(request.node());
  return {};
}

void PeerService::Replace(const rpc::CallPtr& call, const internal::ReplaceRequest& request) const {
  if (rpc::Status status = CheckReplace(request); !status.ok()) return call->Finish(status);
  sources_.answers(request.node(), [this, request, call](bool answers) {
    if (answers) {
      return call->Finish(
          {absl::StatusCode::kFailedPrecondition,
           fmt::format("{} is not lost: it answers {}", request.node(), membership_.node)});
    }
    internal::LogStateReply reply;
    rpc::Status status = NoteReplaced(request);
    // Only now: what the lost one acknowledges until then is in the answer.
    if (status.ok()) status = FillLogState(reply);
    if (!status.ok()) return call->Finish(status);
    call->Reply(reply);
  });
}

rpc::Status PeerService::FillForm(const internal::FormRequest& request,
                                  internal::FormReply& reply) const {
  if (rpc::Status status = CheckMembersAgree(membership_, request.members()); !status.ok()) {
    return status;
  }
  const std::optional<Start> known = starts_.Known(request.node());
  if (known != Start{.count = 0, .nonce = request.birth()}) {
    return {absl::StatusCode::kFailedPrecondition,
            fmt::format("{} belongs to cluster {}, which was formed with another directory of {}",
                        membership_.node, membership_.cluster, request.node())};
  }
  reply.set_cluster(membership_.cluster);
  ToProto(starts_.own().last(), *reply.mutable_start());
  for (const auto& [node, start] : starts_.others())
    ToProto(start, (*reply.mutable_others())[node]);
  return {};
}

void PeerService::Form(rpc::Call& call, const internal::FormRequest& request) const {
  internal::FormReply reply;
  if (rpc::Status status = FillForm(request, reply); !status.ok()) return call.Finish(status);
  call.Reply(reply);
}

void PeerService::Transfer(const rpc::CallPtr& call,
                           const internal::TransferRequest& request) const {
  if (rpc::Status status = Check(request.cluster()); !status.ok()) return call->Finish(status);
  sources_.transfer(request.node(), AnswerTransfer<internal::TransferReply>(call));
}

}  // namespace tripla
