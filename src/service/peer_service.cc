// SPDX-License-Identifier: Apache-2.0
#include "service/peer_service.h"

#include "service/status_mapping.h"

namespace tripla {

grpc::ServerUnaryReactor* PeerService::ReadIndex(grpc::CallbackServerContext* context,
                                                 const internal::ReadIndexRequest*,
                                                 internal::ReadIndexReply* reply) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  confirm_([reactor, reply](const absl::StatusOr<LogIndex>& index) {
    if (index.ok()) reply->set_index(*index);
    reactor->Finish(index.ok() ? grpc::Status::OK : ReadError(index.status()));
  });
  return reactor;
}

}  // namespace tripla
