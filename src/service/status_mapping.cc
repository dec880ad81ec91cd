// SPDX-License-Identifier: Apache-2.0
#include "service/status_mapping.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include "base/check.h"
#include "service/pushback.h"
#include "tripla/v1/rpc_status.pb.h"
#include "tripla/v1/tripla.pb.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;

// gRPC limits the metadata of a call to 8 KiB; a message that quotes foreign text must leave room
// for the rest.
constexpr size_t kMessageBytesMax = 1024;
// The largest answer without data that goes into the details; base64 adds a third.
constexpr size_t kReplyDetailBytesMax = size_t{4} << 10;

// A full queue drains in milliseconds, longer with more bytes in it; a full disk needs an operator.
constexpr milliseconds kOverloadedPushback{20};
constexpr milliseconds kReadOnlyPushback{1000};
constexpr milliseconds kPushbackMax{5000};
constexpr size_t kDrainedBytesPerMs = size_t{200} << 10;

std::string MessageOf(const absl::Status& error) {
  return std::string(error.message().substr(0, kMessageBytesMax));
}

// A random time from half to one and a half of `around`, so that clients that were refused together
// do not return together.
milliseconds ByChance(milliseconds around) {
  thread_local std::minstd_rand chance{std::random_device()()};
  return milliseconds(
      std::uniform_int_distribution(around.count() / 2, around.count() * 3 / 2)(chance));
}

rpc::Status WithDetails(const absl::Status& error, const v1::Undecided& undecided,
                        const google::protobuf::Message* reply = nullptr) {
  v1::RpcStatus detailed;
  detailed.set_code(static_cast<int>(error.code()));
  detailed.set_message(MessageOf(error));
  detailed.add_details()->PackFrom(undecided);
  if (reply != nullptr) detailed.add_details()->PackFrom(*reply);
  return {error.code(), detailed.message(), detailed.SerializeAsString()};
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

v1::Undecided ToUndecided(Applied applied) {
  v1::Undecided undecided;
  undecided.set_applied(static_cast<v1::Undecided::Applied>(applied));
  return undecided;
}

NoRoom ReasonOf(rpc::Refused why) {
  return why == rpc::Refused::kTooLarge ? NoRoom::TooLarge() : NoRoom::Overloaded();
}

// The transport's error, once the call has the advice that goes with it.
absl::Status Noted(rpc::Call& call, rpc::Refused why, const rpc::Status& error) {
  if (error.code == absl::StatusCode::kResourceExhausted) AddPushback(call, ReasonOf(why));
  return {error.code, error.message};
}

}  // namespace

rpc::Status ReadError(const absl::Status& error, const NoRoom& no_room) {
  if (!absl::IsResourceExhausted(error)) return {error.code(), MessageOf(error)};
  v1::Undecided undecided;
  undecided.set_reason(no_room.reason);
  return WithDetails(error, undecided);
}

rpc::Status WriteError(const absl::Status& error, Applied applied, const NoRoom& no_room) {
  v1::Undecided undecided = ToUndecided(applied);
  if (absl::IsResourceExhausted(error)) undecided.set_reason(no_room.reason);
  return WithDetails(error, undecided);
}

rpc::Status WriteError(const absl::Status& error, Applied applied,
                       const std::string& leader_endpoint) {
  TRIPLA_CHECK(!absl::IsResourceExhausted(error), "RESOURCE_EXHAUSTED needs a reason");
  v1::Undecided undecided = ToUndecided(applied);
  undecided.set_leader_endpoint(leader_endpoint);
  return WithDetails(error, undecided);
}

rpc::Status AppliedWithoutAnswer(const std::string& why, const google::protobuf::Message& reply) {
  const bool fits = reply.ByteSizeLong() <= kReplyDetailBytesMax;
  return WithDetails(
      absl::OutOfRangeError(fmt::format(
          "it was applied, but its answer cannot be given ({}); do not send it again{}", why,
          fits ? ": the details hold the answer without data" : ": read the entries to see them")),
      ToUndecided(Applied::kYes), fits ? &reply : nullptr);
}

rpc::Status RefusedWrite(const Outcome& outcome) {
  v1::Undecided undecided = ToUndecided(AppliedAfter(outcome.refusal));
  if (outcome.refusal == Refusal::kRequestIdReused) {
    *undecided.mutable_first_answer() = FirstAnswer(outcome);
  }
  return WithDetails(RefusalError(outcome.refusal), undecided);
}

rpc::Status RefusedRead(rpc::Call& call, rpc::Refused why, const rpc::Status& error) {
  return ReadError(Noted(call, why, error), ReasonOf(why));
}

rpc::Status RefusedUnread(rpc::Call& call, rpc::Refused why, const rpc::Status& error) {
  return WriteError(Noted(call, why, error), Applied::kNo, ReasonOf(why));
}

void AddPushback(rpc::Call& call, const NoRoom& no_room) {
  if (no_room.reason == v1::Undecided::TOO_LARGE) return ForbidRetry(call);
  const milliseconds around =
      no_room.reason == v1::Undecided::READ_ONLY
          ? kReadOnlyPushback
          : std::min(kPushbackMax,
                     kOverloadedPushback + milliseconds(no_room.bytes_ahead / kDrainedBytesPerMs));
  call.AddTrailingMetadata(kPushbackMetadata, std::to_string(ByChance(around).count()));
}

void ForbidRetry(rpc::Call& call) { call.AddTrailingMetadata(kPushbackMetadata, "-1"); }

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
