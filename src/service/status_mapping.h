// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "model/outcome.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {

// Every error that goes out is made here: its code, its details and the advice when to come back.
// docs/clients.md tells clients what to do with each.

// What became of a write that ended in an error (R12, R12a).
enum class Applied {
  kNo = v1::Undecided::NO,
  kUnknown = v1::Undecided::UNKNOWN,
  kYes = v1::Undecided::YES,  // only its answer could not be given
};

// Which want of room a ResourceExhausted is; of no meaning for another error.
struct NoRoom {
  static NoRoom TooLarge() { return {v1::Undecided::TOO_LARGE}; }
  // `bytes_ahead` must be worked off before the call has a chance.
  static NoRoom Overloaded(size_t bytes_ahead = 0) {
    return {v1::Undecided::OVERLOADED, bytes_ahead};
  }
  static NoRoom ReadOnly() { return {v1::Undecided::READ_ONLY}; }

  v1::Undecided::Reason reason;
  size_t bytes_ahead = 0;
};

// The error of a call that could not write. Carries Undecided only to tell a want of room.
[[nodiscard]] grpc::Status ReadError(const absl::Status& error, const NoRoom& no_room);

// The error of a call that could write: carries Undecided, and where to ask instead (HOST:PORT)
// unless that is empty.
[[nodiscard]] grpc::Status WriteError(const absl::Status& error, Applied applied,
                                      const NoRoom& no_room);
// The same for an error that is no ResourceExhausted.
[[nodiscard]] grpc::Status WriteError(const absl::Status& error, Applied applied,
                                      const std::string& leader_endpoint = "");

// The error of a call whose writes were applied and whose answer cannot be given, for want of room
// or because it is too large (R12a). `reply` is the answer without data, a Reply or a BatchReply;
// it is the second detail if gRPC's limit on metadata allows.
[[nodiscard]] grpc::Status AppliedWithoutAnswer(const std::string& why,
                                                const google::protobuf::Message& reply);

// What is said to a request whose bytes are no message of the method's kind.
[[nodiscard]] absl::Status UnreadableRequest();

// Adds to a call that ends for this want of room the advice when to come back, which gRPC's own
// retries obey; never, when the same call cannot succeed.
void AddPushback(grpc::ServerContextBase& context, const NoRoom& no_room);

// Adds the advice never to send the call again.
void ForbidRetry(grpc::ServerContextBase& context);

// The error that tells a client about a refusal of the state machine; `refusal` is not kNone.
[[nodiscard]] absl::Status RefusalError(Refusal refusal);

// Whether a write that was refused so had an effect earlier.
[[nodiscard]] Applied AppliedAfter(Refusal refusal);

// The gRPC error of a write that the state machine refused. For a reused request id it tells
// the first answer (Undecided.first_answer).
[[nodiscard]] grpc::Status RefusedWrite(const Outcome& outcome);

}  // namespace tripla
