// SPDX-License-Identifier: Apache-2.0
#include "service/peer_service.h"

#include <fmt/core.h>

#include <utility>

#include "service/status_mapping.h"
#include "service/strict_handler.h"

namespace tripla {

PeerService::PeerService(std::string cluster, Sources sources)
    : cluster_(std::move(cluster)), sources_(std::move(sources)) {
  const grpc::Status unreadable = ReadError(UnreadableRequest(), {});
  // Numbered in the order of the methods in the contract.
  MarkMethodCallback(0, Strictly(this, &PeerService::ReadIndex, unreadable));
  MarkMethodCallback(1, Strictly(this, &PeerService::StateHashes, unreadable));
  MarkMethodCallback(2, Strictly(this, &PeerService::LogState, unreadable));
}

grpc::Status PeerService::Check(const std::string& cluster) const {
  if (cluster == cluster_) return grpc::Status::OK;
  return {grpc::StatusCode::FAILED_PRECONDITION,
          fmt::format("this server belongs to cluster {}, not {}", cluster_, cluster)};
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
      request->by_entry() ? Proof::kEntry : Proof::kLeaseOrEntry,
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

grpc::ServerUnaryReactor* PeerService::LogState(grpc::CallbackServerContext* context,
                                                const internal::LogStateRequest* request,
                                                internal::LogStateReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status status = Check(request->cluster());
  if (status.ok()) {
    const absl::StatusOr<LogPosition> state = sources_.log_state();
    if (state.ok()) {
      reply->set_term(state->term);
      reply->set_last_index(state->index);
      reply->set_disk_full(sources_.disk_full());
    } else {
      status = ReadError(state.status(), NoRoom::Overloaded());
    }
  }
  reactor->Finish(status);
  return reactor;
}

}  // namespace tripla
