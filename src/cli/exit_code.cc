// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

namespace tripla::cli {

ExitCode ExitCodeOf(Result result) {
  switch (result) {
    case Result::kSuccess:
      return ExitCode::kSuccess;
    case Result::kError:
      return ExitCode::kError;
    case Result::kNoEntry:
      return ExitCode::kNoEntry;
    case Result::kWrongVersion:
      return ExitCode::kWrongVersion;
  }
  return ExitCode::kInternal;
}

bool NoRoomNow(const Failure& failure) {
  switch (failure.reason) {
    case Failure::Reason::kOverloaded:
    case Failure::Reason::kReadOnly:
      return true;
    case Failure::Reason::kTooLarge:
      return false;
    case Failure::Reason::kNone:
      break;
  }
  // A server that gives no reason advises to come back only when the request is not too large.
  return failure.retry_after.has_value();
}

ExitCode ExitCodeOf(const Failure& failure) {
  if (failure.code == absl::StatusCode::kCancelled) return ExitCode::kInterrupted;
  // That a write was applied does not tell how it was decided.
  if (failure.applied != Failure::Applied::kNo) return ExitCode::kUnknown;
  switch (failure.code) {
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kResourceExhausted:
      return NoRoomNow(failure) ? ExitCode::kOverloaded : ExitCode::kUsage;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kNotAllowed;
    case absl::StatusCode::kDataLoss:
      return ExitCode::kDataDamaged;
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return ExitCode::kInternal;
    default:
      return ExitCode::kNotApplied;
  }
}

ExitCode ExitCodeOf(const Resolved& resolved) {
  switch (resolved.kind) {
    case Resolved::Kind::kNotApplied:
      return ExitCode::kNotApplied;
    case Resolved::Kind::kForgotten:
      return ExitCode::kUnknown;
    case Resolved::Kind::kDecided:
      break;
  }
  return resolved.decided ? ExitCodeOf(resolved.decided->result) : ExitCode::kSuccess;
}

ExitCode ExitCodeOf(const std::vector<EndpointStatus>& servers) {
  if (servers.size() == 1 && !servers[0].answer.ok()) {
    return ExitCodeOf(servers[0].answer.failure());
  }
  auto code = ExitCode::kSuccess;
  for (const EndpointStatus& server : servers) {
    if (!server.answer.ok() || !server.answer->ready) return ExitCode::kNotApplied;
    if (!server.answer->writable || IsNearlyFull(*server.answer)) code = ExitCode::kOverloaded;
  }
  return code;
}

bool IsNearlyFull(const ServerStatus& status) {
  return status.writable && status.write_bytes_max &&
         *status.write_bytes_max < status.data_bytes_max;
}

bool IsDecided(ExitCode code) {
  return code == ExitCode::kSuccess || code == ExitCode::kError || code == ExitCode::kNoEntry ||
         code == ExitCode::kWrongVersion;
}

}  // namespace tripla::cli
