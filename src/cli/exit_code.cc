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

ExitCode ExitCodeOf(const Failure& failure) {
  if (failure.code == absl::StatusCode::kCancelled) return ExitCode::kInterrupted;
  if (failure.applied == Failure::Applied::kUnknown) return ExitCode::kUnknown;
  switch (failure.code) {
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kResourceExhausted:
      // With advice to come back: overload, or a full disk. Without: the request is too large.
      return failure.retry_after ? ExitCode::kOverloaded : ExitCode::kUsage;
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

}  // namespace tripla::cli
