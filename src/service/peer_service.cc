// SPDX-License-Identifier: Apache-2.0
#include "service/peer_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "service/status_mapping.h"
#include "service/strict_handler.h"
#include "service/transfer_answer.h"

namespace tripla {

namespace {

// More than a server can be started, or than any time in microseconds.
constexpr uint64_t kStartsMax = uint64_t{1} << 60;

}  // namespace

grpc::Status CheckMembersAgree(const Membership& membership, const std::string& members) {
  const std::string own = MembersText(membership.members);
  if (members == own) return grpc::Status::OK;
  return {grpc::StatusCode::FAILED_PRECONDITION,
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
    : membership_(membership), starts_(starts), sources_(std::move(sources)) {
  const grpc::Status unreadable = ReadError(UnreadableRequest(), {});
  // Numbered in the order of the methods in the contract.
  MarkMethodCallback(0, Strictly(this, &PeerService::ReadIndex, unreadable));
  MarkMethodCallback(1, Strictly(this, &PeerService::StateHashes, unreadable));
  MarkMethodCallback(2, Strictly(this, &PeerService::LogState, unreadable));
  MarkMethodCallback(3, Strictly(this, &PeerService::Replace, unreadable));
  MarkMethodCallback(4, Strictly(this, &PeerService::Form, unreadable));
  MarkMethodCallback(5, Strictly(this, &PeerService::Transfer, unreadable));
}

grpc::Status PeerService::Check(const std::string& cluster) const {
  if (cluster == membership_.cluster) return grpc::Status::OK;
  return {grpc::StatusCode::FAILED_PRECONDITION,
          fmt::format("{} belongs to cluster {}, not {}", membership_.node, membership_.cluster,
                      cluster)};
}

grpc::ServerUnaryReactor* PeerService::ReadIndex(grpc::CallbackServerContext* context,
                                                 const internal::ReadIndexRequest* request,
                                                 internal::ReadIndexReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (grpc::Status status = Check(request->cluster()); !status.ok()) {
    reactor->Finish(status);
    return reactor;
  }
  sources_.confirm_read_index(
      request->by_entry() ? Proof::kEntry : Proof::kUsual,
      [reactor, reply](const absl::StatusOr<LogIndex>& index) {
        if (index.ok()) reply->set_index(*index);
        reactor->Finish(index.ok() ? grpc::Status::OK
                                   : ReadError(index.status(), NoRoom::Overloaded()));
      });
  return reactor;
}

grpc::ServerUnaryReactor* PeerService::StateHashes(grpc::CallbackServerContext* context,
                                                   const internal::StateHashesRequest* request,
                                                   internal::StateHashesReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const grpc::Status status = Check(request->cluster());
  if (status.ok()) {
    const std::map<LogIndex, StateHash> known = sources_.state_hashes();
    for (const uint64_t index : request->indexes()) {
      const auto found = known.find(index);
      if (found == known.end()) continue;
      internal::StateHash& hash = *reply->add_hashes();
      hash.set_index(index);
      hash.set_hash(found->second.data(), found->second.size());
    }
  }
  reactor->Finish(status);
  return reactor;
}

grpc::Status PeerService::FillLogState(internal::LogStateReply& reply) const {
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
  return grpc::Status::OK;
}

grpc::ServerUnaryReactor* PeerService::LogState(grpc::CallbackServerContext* context,
                                                const internal::LogStateRequest* request,
                                                internal::LogStateReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status status = request->cluster().empty()
                            ? CheckMembersAgree(membership_, request->members())
                            : Check(request->cluster());
  if (status.ok()) status = FillLogState(*reply);
  reactor->Finish(status);
  return reactor;
}

grpc::Status PeerService::CheckReplace(const internal::ReplaceRequest& request) const {
  if (grpc::Status status = Check(request.cluster()); !status.ok()) return status;
  if (request.node() == membership_.node || membership_.Find(request.node()) == nullptr) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            fmt::format("\"{}\" is no other member", request.node())};
  }
  if (request.start().count() <= kStartsMax) return grpc::Status::OK;
  return {grpc::StatusCode::INVALID_ARGUMENT,
          fmt::format("start {} is out of range, at most {}", request.start().count(), kStartsMax)};
}

grpc::Status PeerService::NoteReplaced(const internal::ReplaceRequest& request) const {
  const Start start = FromProto(request.start());
  const absl::Status noted =
      sources_.note_starts(request.node(), {.count = start.count, .nonces = {start.nonce}});
  if (!noted.ok()) return ReadError(noted, NoRoom::ReadOnly());
  sources_.disconnect(request.node());
  return grpc::Status::OK;
}

grpc::ServerUnaryReactor* PeerService::Replace(grpc::CallbackServerContext* context,
                                               const internal::ReplaceRequest* request,
                                               internal::LogStateReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (grpc::Status status = CheckReplace(*request); !status.ok()) {
    reactor->Finish(status);
    return reactor;
  }
  sources_.answers(request->node(), [this, request, reply, reactor](bool answers) {
    if (answers) {
      return reactor->Finish(
          {grpc::StatusCode::FAILED_PRECONDITION,
           fmt::format("{} is not lost: it answers {}", request->node(), membership_.node)});
    }
    grpc::Status status = NoteReplaced(*request);
    // Only now: what the lost one acknowledges until then is in the answer.
    if (status.ok()) status = FillLogState(*reply);
    reactor->Finish(status);
  });
  return reactor;
}

grpc::Status PeerService::FillForm(const internal::FormRequest& request,
                                   internal::FormReply& reply) const {
  if (grpc::Status status = CheckMembersAgree(membership_, request.members()); !status.ok()) {
    return status;
  }
  const std::optional<Start> known = starts_.Known(request.node());
  if (known != Start{.count = 0, .nonce = request.birth()}) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            fmt::format("{} belongs to cluster {}, which was formed with another directory of {}",
                        membership_.node, membership_.cluster, request.node())};
  }
  reply.set_cluster(membership_.cluster);
  ToProto(starts_.own().last(), *reply.mutable_start());
  for (const auto& [node, start] : starts_.others())
    ToProto(start, (*reply.mutable_others())[node]);
  return grpc::Status::OK;
}

grpc::ServerUnaryReactor* PeerService::Form(grpc::CallbackServerContext* context,
                                            const internal::FormRequest* request,
                                            internal::FormReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(FillForm(*request, *reply));
  return reactor;
}

grpc::ServerUnaryReactor* PeerService::Transfer(grpc::CallbackServerContext* context,
                                                const internal::TransferRequest* request,
                                                internal::TransferReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  if (grpc::Status status = Check(request->cluster()); !status.ok()) {
    reactor->Finish(status);
    return reactor;
  }
  sources_.transfer(request->node(), AnswerTransfer(reactor, reply));
  return reactor;
}

}  // namespace tripla
