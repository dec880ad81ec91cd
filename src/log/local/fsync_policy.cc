// SPDX-License-Identifier: Apache-2.0
#include "log/local/fsync_policy.h"

#include <fmt/core.h>

#include "base/quantity.h"

namespace tripla {
namespace {

constexpr std::string_view kIntervalStart = "interval:";

}  // namespace

absl::StatusOr<FsyncPolicy> ParseFsyncPolicy(std::string_view text) {
  if (text == "always") return FsyncPolicy{FsyncPolicy::Mode::kAlways};
  if (text == "never") return FsyncPolicy{FsyncPolicy::Mode::kNever};
  if (text.starts_with(kIntervalStart)) {
    const absl::StatusOr<std::chrono::milliseconds> interval =
        ParseDuration(text.substr(kIntervalStart.size()));
    if (interval.ok() && *interval >= std::chrono::milliseconds(1) &&
        *interval <= std::chrono::hours(1)) {
      return FsyncPolicy{FsyncPolicy::Mode::kInterval, *interval};
    }
  }
  return absl::InvalidArgumentError(fmt::format(
      "\"{}\" is not an fsync policy; write always, interval:100ms (1ms to 1h) or never", text));
}

std::string FsyncPolicyText(const FsyncPolicy& policy) {
  switch (policy.mode) {
    case FsyncPolicy::Mode::kAlways:
      return "always";
    case FsyncPolicy::Mode::kInterval:
      return "interval:" + DurationText(policy.interval);
    case FsyncPolicy::Mode::kNever:
      return "never";
  }
  return "";
}

}  // namespace tripla
