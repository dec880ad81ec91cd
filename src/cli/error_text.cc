// SPDX-License-Identifier: Apache-2.0
#include "cli/error_text.h"

#include <fmt/core.h>

#include "cli/escape.h"
#include "cli/exit_code.h"

namespace tripla::cli {
namespace {

std::string_view WhatBecameOfIt(const Failure& failure, Effect effect) {
  if (effect == Effect::kReads) return "";
  switch (failure.applied) {
    case Failure::Applied::kNo:
      return "; nothing was applied";
    case Failure::Applied::kUnknown:
      return "; it may have been applied";
    case Failure::Applied::kYes:
      break;
  }
  return "; it was applied, and only its answer is missing";
}

// What a server lacks that cannot write (disk, descriptors, ...) and what to do about it, it says
// itself.
std::string_view WhatNextWithoutRoom(const Failure& failure) {
  if (failure.reason == Failure::Reason::kReadOnly) {
    return "; try again once the server can write";
  }
  return NoRoomNow(failure) ? "; try again later" : "; the status verb shows the server's limits";
}

std::string_view WhatNext(const Failure& failure) {
  if (failure.code == absl::StatusCode::kResourceExhausted) return WhatNextWithoutRoom(failure);
  switch (ExitCodeOf(failure)) {
    case ExitCode::kNotAllowed:
      return "; ask whoever runs the server for access";
    case ExitCode::kDataDamaged:
      return "; let tripla-verify check the server's data directory";
    case ExitCode::kInternal:
      return "; the server's messages may say more";
    default:
      break;
  }
  if (failure.code == absl::StatusCode::kUnavailable) {
    return failure.connected
               ? "; see which are up: tripla status --endpoints HOST:PORT,... (name all servers)"
               : "; check that the server runs there, or name another with --endpoints HOST:PORT";
  }
  if (failure.code == absl::StatusCode::kDeadlineExceeded) {
    return "; try again, or give it longer with --timeout";
  }
  return "";
}

// Of a write that may have been applied, or was.
std::string HowToFindOut(const Failure& failure) {
  if (failure.request.empty()) return "; read the entry before you repeat it";
  return fmt::format("; before you repeat it, find out with: tripla outcome {}", failure.request);
}

}  // namespace

std::string FailureText(std::string_view what, const Failure& failure, Effect effect) {
  const std::string why = failure.code == absl::StatusCode::kCancelled ? "interrupted"
                          : failure.message.empty() ? absl::StatusCodeToString(failure.code)
                                                    : failure.message;
  const bool in_doubt = effect == Effect::kWrites && failure.applied != Failure::Applied::kNo;
  const std::string next = in_doubt ? HowToFindOut(failure) : std::string(WhatNext(failure));
  return fmt::format("{}: {}{}{}", what, Escape(why, Keep::kQuotes),
                     WhatBecameOfIt(failure, effect), next);
}

}  // namespace tripla::cli
