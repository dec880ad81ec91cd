// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "check/plan.h"
#include "check/runner.h"

namespace tripla::check {

// What was found out, for people: a line a claim with ✓ (holds), ✗ (fails), ? (open) or - (not
// tried), what speaks against it, and the command that repeats it. Ends with a line end.
[[nodiscard]] std::string TableText(const Plan& plan, const Report& report);

// The same as one JSON object. Numbers of 64 bits are strings.
[[nodiscard]] std::string JsonText(const Plan& plan, const Report& report);

// The same as JUnit writes it, for the machines that build and test: a suite a command. An open
// claim is an error, one that fails a failure, one that was not tried is skipped.
[[nodiscard]] std::string JunitText(const Plan& plan, const Report& report);

// What would be tried: a line a claim, and the same as one JSON object.
[[nodiscard]] std::string ListText(const std::vector<Claim>& claims);
[[nodiscard]] std::string ListJsonText(const std::vector<Claim>& claims);

// "tripla-check api --claim R4.set-absent --seed 7 --endpoints 127.0.0.1:7420".
[[nodiscard]] std::string RepeatCommand(const Plan& plan, const ClaimResult& result);

// "34 claims hold, 1 fails".
[[nodiscard]] std::string SummaryText(const Report& report);

}  // namespace tripla::check
