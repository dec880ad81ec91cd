// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

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
  kOpen,  // it was not found out: the database gave no decision, or somebody stopped the run
};

// One observation that contradicts a claim.
struct Mismatch {
  std::string what;  // was done
  std::string expected;
  std::string got;
};

// What became of one claim.
struct ClaimResult {
  std::string group;
  std::string name;
  std::string text;
  Verdict verdict = Verdict::kHolds;
  std::vector<Mismatch> mismatches;  // the first ones
  uint64_t mismatches_more = 0;      // and how many more there were
  std::string open_because;
  bool no_answer = false;  // open because a call had no answer in its time
  std::string figures;     // "1000 entries, 8 clients: 12,345 a second"
  std::chrono::milliseconds took{0};
};

// "R4" of "R4.set-absent".
[[nodiscard]] std::string RequirementOf(const std::string& name);

// Every claim of a command, in the order they are checked; of "all" those of all commands.
[[nodiscard]] std::vector<Claim> ClaimsOf(const std::string& command);

}  // namespace tripla::check
