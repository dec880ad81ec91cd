// SPDX-License-Identifier: Apache-2.0
#include "service/status_mapping.h"

#include <string>

#include "base/check.h"
#include "tripla/v1/rpc_status.pb.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {
namespace {

// gRPC cuts the metadata of a call at 8 KiB; a message that quotes foreign text must not cost the
// rest.
constexpr size_t kMessageBytesMax = 1024;

grpc::StatusCode CodeOf(const absl::Status& error) {
  return static_cast<grpc::StatusCode>(error.code());  // the same numbers, by absl's definition
}

std::string MessageOf(const absl::Status& error) {
  return std::string(error.message().substr(0, kMessageBytesMax));
}

v1::Undecided::Applied ToWire(Applied applied) {
  switch (applied) {
    case Applied::kNo:
      return v1::Undecided::NO;
    case Applied::kUnknown:
      return v1::Undecided::UNKNOWN;
    case Applied::kYes:
      return v1::Undecided::YES;
  }
  return v1::Undecided::UNKNOWN;
}

v1::Reply FirstAnswer(const Outcome& outcome) {
  v1::Reply reply;
  if (!outcome.replayed) return reply;
  reply.set_result(static_cast<v1::Result>(outcome.result));
  reply.set_revision(outcome.revision);
  reply.set_replayed(true);
  if (outcome.entry) {
    reply.mutable_value()->set_version(outcome.entry->version());
    reply.mutable_value()->set_timestamp(outcome.entry->timestamp());
  }
  return reply;
}

grpc::Status WithDetail(const absl::Status& error, const v1::Undecided& undecided) {
  v1::RpcStatus detailed;
  detailed.set_code(CodeOf(error));
  detailed.set_message(MessageOf(error));
  detailed.add_details()->PackFrom(undecided);
  return {CodeOf(error), detailed.message(), detailed.SerializeAsString()};
}

}  // namespace

grpc::Status ReadError(const absl::Status& error) { return {CodeOf(error), MessageOf(error)}; }

grpc::Status WriteError(const absl::Status& error, Applied applied,
                        const std::string& leader_endpoint) {
  v1::Undecided undecided;
  undecided.set_applied(ToWire(applied));
  undecided.set_leader_endpoint(leader_endpoint);
  return WithDetail(error, undecided);
}

grpc::Status RefusedWrite(const Outcome& outcome) {
  v1::Undecided undecided;
  undecided.set_applied(ToWire(AppliedAfter(outcome.refusal)));
  if (outcome.refusal == Refusal::kRequestIdReused) {
    *undecided.mutable_first_answer() = FirstAnswer(outcome);
  }
  return WithDetail(RefusalError(outcome.refusal), undecided);
}

absl::Status RefusalError(Refusal refusal) {
  switch (refusal) {
    case Refusal::kVersionExhausted:
      return absl::OutOfRangeError(
          "the version is 9223372036854775807, the highest: testAndSet cannot add one; delete the "
          "entry and set it anew");
    case Refusal::kRequestIdReused:
      return absl::InvalidArgumentError(
          "this request id was used for a request with another body; take the next sequence "
          "number");
    case Refusal::kAnswerForgotten:
      return absl::FailedPreconditionError(
          "this request id was decided or given up before, and its answer is no longer remembered: "
          "it is not executed again; read the entry to see whether it was applied");
    case Refusal::kClientForgotten:
      return absl::FailedPreconditionError(
          "this request was sent before, and what became of it may have been forgotten since: it "
          "is not executed, for it may have been applied; read the entry, then send a new "
          "request");
    case Refusal::kNone:
      break;
  }
  CheckFailed(__FILE__, __LINE__, "refusal != kNone", "a decided command has no error");
}

Applied AppliedAfter(Refusal refusal) {
  const bool forgotten =
      refusal == Refusal::kAnswerForgotten || refusal == Refusal::kClientForgotten;
  return forgotten ? Applied::kUnknown : Applied::kNo;
}

}  // namespace tripla
