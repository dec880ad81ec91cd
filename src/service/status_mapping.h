// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "model/outcome.h"
#include "rpc/call.h"
#include "rpc/methods.h"
#include "rpc/wire_format.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// Every error that clients get is made here: its code, its details and the retry advice.
// docs/clients.md says what clients should do with each.

// Whether a write that ended in an error was applied (R12, R12a).
enum class Applied {
  kNo = v1::Undecided::NO,
  kUnknown = v1::Undecided::UNKNOWN,
  kYes = v1::Undecided::YES,  // only its answer could not be given
};

// The reason of a ResourceExhausted; meaningless for other errors.
struct NoRoom {
  static NoRoom TooLarge() { return {v1::Undecided::TOO_LARGE}; }
  // `bytes_ahead` bytes must be processed before the call can succeed.
  static NoRoom Overloaded(size_t bytes_ahead = 0) {
    return {v1::Undecided::OVERLOADED, bytes_ahead};
  }
  static NoRoom ReadOnly() { return {v1::Undecided::READ_ONLY}; }

  v1::Undecided::Reason reason;
  size_t bytes_ahead = 0;
};

// The error of a call that cannot write. Carries Undecided only with a ResourceExhausted.
[[nodiscard]] rpc::Status ReadError(const absl::Status& error, const NoRoom& no_room);

// The error of a call that can write: carries Undecided, and the server to ask instead (HOST:PORT)
// unless that is empty.
[[nodiscard]] rpc::Status WriteError(const absl::Status& error, Applied applied,
                                     const NoRoom& no_room);
// The same for an error other than ResourceExhausted.
[[nodiscard]] rpc::Status WriteError(const absl::Status& error, Applied applied,
                                     const std::string& leader_endpoint = "");

// The error of a call whose writes were applied but whose answer cannot be given, for lack of room
// or because it is too large (R12a). `reply` is the answer without data, a Reply or a BatchReply;
// it is the second detail if gRPC's limit on metadata allows.
[[nodiscard]] rpc::Status AppliedWithoutAnswer(const std::string& why,
                                               const google::protobuf::Message& reply);

// The errors of calls that the transport refuses (rpc::RefusalFn): ReadError() of one that cannot
// write, WriteError() of one that can. Nothing was applied.
[[nodiscard]] rpc::Status RefusedRead(rpc::Call& call, rpc::Refused why, const rpc::Status& error);
[[nodiscard]] rpc::Status RefusedUnread(rpc::Call& call, rpc::Refused why,
                                        const rpc::Status& error);

// Adds retry advice to a call that ends for this reason; retries of gRPC's clients obey it. The
// advice is never to retry if the same call cannot succeed.
void AddPushback(rpc::Call& call, const NoRoom& no_room);

// Adds the advice never to send the call again.
void ForbidRetry(rpc::Call& call);

// The error for a refusal of the state machine; `refusal` is not kNone.
[[nodiscard]] absl::Status RefusalError(Refusal refusal);

// Whether a write with this refusal was applied earlier.
[[nodiscard]] Applied AppliedAfter(Refusal refusal);

// The error of a write that the state machine refused. For a reused request id it carries the
// first answer (Undecided.first_answer).
[[nodiscard]] rpc::Status RefusedWrite(const Outcome& outcome);

}  // namespace tripla
