// SPDX-License-Identifier: Apache-2.0
#include "client/attempt.h"

#include <fmt/core.h>

#include <charconv>

#include "tripla/v1/rpc_status.pb.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {
namespace {

using Applied = Failure::Applied;
using Reason = Failure::Reason;

// The name is from gRPC's retry design (gRFC A6).
constexpr char kPushbackMetadata[] = "grpc-retry-pushback-ms";

// The detail that the server itself attached; empty if there is none.
v1::Undecided Said(const grpc::Status& status) {
  v1::RpcStatus detailed;
  v1::Undecided undecided;
  if (!status.error_details().empty() && detailed.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : detailed.details()) {
      if (detail.UnpackTo(&undecided)) break;
    }
  }
  return undecided;
}

// An HTTP answer that is not gRPC's, from a web server or a proxy. A proxy may have forwarded the
// call. gRPC's client library reports such an answer with this text.
bool IsFromNoGrpcServer(const grpc::Status& status) {
  return status.error_message().starts_with("Received http2 header with status: ");
}

// By gRPC's definition these errors come before the method runs.
bool RefusedBeforeTheMethod(const grpc::Status& status) {
  const grpc::StatusCode code = status.error_code();
  return !IsFromNoGrpcServer(status) &&
         (code == grpc::StatusCode::UNIMPLEMENTED || code == grpc::StatusCode::UNAUTHENTICATED ||
          code == grpc::StatusCode::PERMISSION_DENIED);
}

// A request above the server's receive limit: gRPC itself refuses it, with this text and without
// our details. It cannot be the reply that was too large, since this client sets no limit.
bool RefusedUnread(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         status.error_message().starts_with("Received message larger than max");
}

Applied WhetherApplied(const grpc::Status& status, const v1::Undecided& said, Effect effect) {
  if (effect == Effect::kReads || said.applied() == v1::Undecided::NO) return Applied::kNo;
  if (said.applied() == v1::Undecided::UNKNOWN) return Applied::kUnknown;
  if (said.applied() == v1::Undecided::YES) return Applied::kYes;
  const bool refused = RefusedBeforeTheMethod(status) || RefusedUnread(status);
  return refused ? Applied::kNo : Applied::kUnknown;
}

// The server's advice on retries. `milliseconds` is empty when it advises against a retry.
struct Pushback {
  bool given = false;
  std::optional<std::chrono::milliseconds> milliseconds;
};

Pushback ReadPushback(const grpc::ClientContext& context) {
  const auto& metadata = context.GetServerTrailingMetadata();
  const auto found = metadata.find(kPushbackMetadata);
  if (found == metadata.end()) return {};
  const char* begin = found->second.data();
  const char* end = begin + found->second.size();
  int32_t value = -1;
  const auto [rest, error] = std::from_chars(begin, end, value);
  // By gRPC's definition, a negative number or an invalid one means "do not try again".
  if (error != std::errc() || rest != end || value < 0) return {.given = true};
  return {.given = true, .milliseconds = std::chrono::milliseconds(value)};
}

Reason ReasonOf(const grpc::Status& status, const v1::Undecided& said, const Pushback& pushback) {
  if (said.reason() == v1::Undecided::TOO_LARGE) return Reason::kTooLarge;
  if (said.reason() == v1::Undecided::OVERLOADED) return Reason::kOverloaded;
  if (said.reason() == v1::Undecided::READ_ONLY) return Reason::kReadOnly;
  if (status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) return Reason::kNone;
  // Servers that do not send a reason yet give this advice only when they are overloaded.
  if (pushback.milliseconds) return Reason::kOverloaded;
  return RefusedUnread(status) ? Reason::kTooLarge : Reason::kNone;
}

bool WorthRetrying(const Failure& failure, const Pushback& pushback, bool unavailable) {
  // An applied write must not be sent again, and a call that is too large never succeeds.
  if (failure.applied == Applied::kYes || failure.reason == Reason::kTooLarge) return false;
  if (pushback.given) return pushback.milliseconds.has_value();
  return unavailable || failure.reason != Reason::kNone;
}

}  // namespace

gpr_timespec DeadlineAfter(std::chrono::nanoseconds left) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_nanos(left.count(), GPR_TIMESPAN));
}

grpc::Status SendOperation(v1::KeyValue::Stub& stub, grpc::ClientContext& context,
                           const v1::Operation& request, v1::Reply* reply) {
  reply->Clear();
  switch (request.operation_case()) {
    case v1::Operation::kSet:
      return stub.Set(&context, request.set(), reply);
    case v1::Operation::kGet:
      return stub.Get(&context, request.get(), reply);
    case v1::Operation::kDel:
      return stub.Del(&context, request.del(), reply);
    case v1::Operation::kDelVersion:
      return stub.DelVersion(&context, request.del_version(), reply);
    case v1::Operation::kTestAndSet:
      return stub.TestAndSet(&context, request.test_and_set(), reply);
    case v1::Operation::OPERATION_NOT_SET:
      break;
  }
  return {grpc::StatusCode::INTERNAL, "an operation without a kind"};
}

AttemptFailure ReadFailure(const grpc::Status& status, const grpc::ClientContext& context,
                           Effect effect) {
  AttemptFailure attempt;
  attempt.failure.code = static_cast<absl::StatusCode>(status.error_code());
  attempt.failure.message = status.error_message();
  const bool no_grpc = IsFromNoGrpcServer(status);
  if (no_grpc) {
    attempt.failure.message =
        fmt::format("{} is not a tripla server ({}); check the endpoint and any proxies in between",
                    context.peer(), status.error_message());
  }
  const v1::Undecided said = Said(status);
  if (said.has_first_answer()) attempt.first_answer = said.first_answer();
  attempt.leader_endpoint = said.leader_endpoint();
  attempt.applied = WhetherApplied(status, said, effect);
  attempt.failure.applied = attempt.applied;
  const Pushback pushback = ReadPushback(context);
  attempt.failure.retry_after = pushback.milliseconds;
  attempt.failure.reason = ReasonOf(status, said, pushback);
  // A server that ends cancels its running calls. A call that this client itself has cancelled is
  // not retried, whatever is decided here.
  const bool unavailable = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                           status.error_code() == grpc::StatusCode::CANCELLED;
  attempt.worth_retrying = WorthRetrying(attempt.failure, pushback, unavailable);
  attempt.worth_asking_another =
      unavailable || no_grpc || status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return attempt;
}

}  // namespace tripla
