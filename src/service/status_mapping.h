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
[[nodiscard]] grpc::Status ReadError(const absl::Status& error, const NoRoom& no_room);

// The error of a call that can write: carries Undecided, and the server to ask instead (HOST:PORT)
// unless that is empty.
[[nodiscard]] grpc::Status WriteError(const absl::Status& error, Applied applied,
                                      const NoRoom& no_room);
// The same for an error other than ResourceExhausted.
[[nodiscard]] grpc::Status WriteError(const absl::Status& error, Applied applied,
                                      const std::string& leader_endpoint = "");

// The error of a call whose writes were applied but whose answer cannot be given, for lack of room
// or because it is too large (R12a). `reply` is the answer without data, a Reply or a BatchReply;
// it is the second detail if gRPC's limit on metadata allows.
[[nodiscard]] grpc::Status AppliedWithoutAnswer(const std::string& why,
                                                const google::protobuf::Message& reply);

// The error of a request whose bytes are not a message of the method's type.
[[nodiscard]] absl::Status UnreadableRequest();

// Adds retry advice to a call that ends for this reason; gRPC's own retries obey it. The advice is
// never to retry if the same call cannot succeed.
void AddPushback(grpc::ServerContextBase& context, const NoRoom& no_room);

// Adds the advice never to send the call again.
void ForbidRetry(grpc::ServerContextBase& context);

// The error for a refusal of the state machine; `refusal` is not kNone.
[[nodiscard]] absl::Status RefusalError(Refusal refusal);

// Whether a write with this refusal was applied earlier.
[[nodiscard]] Applied AppliedAfter(Refusal refusal);

// The gRPC error of a write that the state machine refused. For a reused request id it carries the
// first answer (Undecided.first_answer).
[[nodiscard]] grpc::Status RefusedWrite(const Outcome& outcome);

}  // namespace tripla
