// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "check/plan.h"

namespace tripla::check {

class Trial;

// One sentence about the database, and how to find out whether it is true.
struct Claim {
  std::string group;  // the command that checks it: "api"
  std::string name;   // "R4.set-absent"; what stands before the dot is the requirement
  std::string text;   // "set of an absent key stores version 1 and answers NULL"
  std::function<void(Trial&)> prove;
};

enum class Verdict {
  kHolds,
  kFails,
  kOpen,      // it was not found out: the database gave no decision, or somebody stopped the run
  kNotTried,  // it could not be, or the run ended before
};

// One observation that contradicts a claim.
struct Mismatch {
  std::string what;  // was done
  std::string expected;
  std::string got;
};

// What the client was told when its connection was cut behind each of these bytes, inclusive.
struct CutRun {
  uint64_t from = 0;
  uint64_t to = 0;
  std::string told;  // "not applied"
};

// What became of one claim.
struct ClaimResult {
  std::string group;
  std::string name;
  std::string text;
  Verdict verdict = Verdict::kHolds;
  std::vector<Mismatch> mismatches;  // the first ones
  uint64_t mismatches_more = 0;      // and how many more there were
  std::string because;               // why it is open, or was not tried
  bool undecided = false;            // open because the server did not decide a call
  std::string figures;               // "1000 entries, 8 clients: 12,345 a second"
  std::vector<CutRun> cuts;          // of cuts at every byte
  std::chrono::milliseconds took{0};
};

// "R4" of "R4.set-absent".
[[nodiscard]] std::string RequirementOf(const std::string& name);

// The claims that a run is asked for, in the order they are checked. A beginning of a name does not
// end inside a number: "R1" is not the beginning of "R10.empty-key".
[[nodiscard]] std::vector<Claim> ClaimsOf(const Plan& plan);

}  // namespace tripla::check
