// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <grpcpp/support/server_callback.h>

#include "absl/status/statusor.h"
#include "log/log.h"
#include "service/status_mapping.h"

namespace tripla {

// Ends a call to transfer leadership: Reply is a TransferReply, of clients or of other servers.
// `reactor` and `reply` are the call's.
template <typename Reply>
Log::LeadershipFn AnswerTransfer(grpc::ServerUnaryReactor* reactor, Reply* reply) {
  return [reactor, reply](const absl::StatusOr<Log::Leadership>& leadership) {
    if (!leadership.ok()) {
      return reactor->Finish(ReadError(leadership.status(), NoRoom::Overloaded()));
    }
    reply->set_leader(leadership->leader);
    reply->set_leader_endpoint(leadership->leader_endpoint);
    reply->set_term(leadership->term);
    reactor->Finish(grpc::Status::OK);
  };
}

}  // namespace tripla
