// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tripla {

// When the local log makes its records durable (R18).
struct FsyncPolicy {
  enum class Mode {
    kAlways,    // before a write is answered: a crash or a power cut loses nothing acknowledged
    kInterval,  // every `interval`: a power cut loses what was written since; kill -9 nothing
    kNever,     // when the system decides: a power cut loses seconds; kill -9 nothing
  };
  Mode mode = Mode::kAlways;
  std::chrono::milliseconds interval{0};

  friend bool operator==(const FsyncPolicy&, const FsyncPolicy&) = default;
};

// Reads "always", "interval:100ms" (1ms to 1h) or "never". Errors: InvalidArgument.
[[nodiscard]] absl::StatusOr<FsyncPolicy> ParseFsyncPolicy(std::string_view text);

// Writes the form that ParseFsyncPolicy() reads.
[[nodiscard]] std::string FsyncPolicyText(const FsyncPolicy& policy);

}  // namespace tripla
