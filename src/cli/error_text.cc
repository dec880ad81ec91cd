// SPDX-License-Identifier: Apache-2.0
#include "cli/error_text.h"

#include <fmt/core.h>

#include "cli/escape.h"
#include "cli/exit_code.h"

namespace tripla::cli {
namespace {

std::string_view WhatBecameOfIt(const Failure& failure, Effect effect) {
  if (effect == Effect::kReads) return "";
  return failure.applied == Failure::Applied::kNo ? "; nothing was applied"
                                                  : "; it may have been applied";
}

std::string_view WhatNext(const Failure& failure) {
  if (failure.applied == Failure::Applied::kUnknown) return "; read the entry before you repeat it";
  switch (ExitCodeOf(failure)) {
    case ExitCode::kNotAllowed:
      return "; ask whoever runs the server for access";
    case ExitCode::kOverloaded:
      return "; try again later";
    case ExitCode::kDataDamaged:
      return "; let tripla-verify check the server's data directory";
    case ExitCode::kInternal:
      return "; the server's messages may say more";
    case ExitCode::kUsage:
      return failure.code == absl::StatusCode::kResourceExhausted
                 ? "; the status verb shows the server's limits"
                 : "";
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

}  // namespace

std::string FailureText(std::string_view what, const Failure& failure, Effect effect) {
  const std::string why = failure.code == absl::StatusCode::kCancelled ? "interrupted"
                          : failure.message.empty() ? absl::StatusCodeToString(failure.code)
                                                    : failure.message;
  return fmt::format("{}: {}{}{}", what, Escape(why, Keep::kQuotes),
                     WhatBecameOfIt(failure, effect), WhatNext(failure));
}

}  // namespace tripla::cli
