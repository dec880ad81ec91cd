// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "absl/status/statusor.h"
#include "log/log.h"
#include "rpc/call.h"
#include "service/status_mapping.h"

namespace tripla {

// Ends a call to transfer leadership: Reply is a TransferReply, of clients or of other servers.
template <typename Reply>
Log::LeadershipFn AnswerTransfer(rpc::CallPtr call) {
  return [call = std::move(call)](const absl::StatusOr<Log::Leadership>& leadership) {
    if (!leadership.ok()) {
      return call->Finish(ReadError(leadership.status(), NoRoom::Overloaded()));
    }
    Reply reply;
    reply.set_leader(leadership->leader);
    reply.set_leader_endpoint(leadership->leader_endpoint);
    reply.set_term(leadership->term);
    call->Reply(reply);
  };
}

}  // namespace tripla
