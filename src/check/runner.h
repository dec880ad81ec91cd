// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "check/claim.h"
#include "check/exit_code.h"
#include "check/progress.h"
#include "check/run.h"

namespace tripla::check {

// What a run found out.
struct Report {
  std::vector<ClaimResult> results;  // of all claims, those that were not tried too
  std::string ended_early;           // why, if a server gave no answer
  bool interrupted = false;
  std::string key_range;  // where its keys are
  size_t keys_left = 0;   // of them, at most

  [[nodiscard]] ExitCode exit_code() const;
};

// Tries the claims one after the other, and removes the keys of each when it is done. Ends early
// when the database gives no answer, or when somebody asks to stop; the keys are removed all the
// same.
[[nodiscard]] Report RunClaims(Run& run, std::span<const Claim> claims, Progress& progress);

// Of a run that never began, since a server could not be reached.
[[nodiscard]] Report NothingTried(Run& run, std::span<const Claim> claims,
                                  const absl::Status& reached);

}  // namespace tripla::check
