// SPDX-License-Identifier: Apache-2.0
#include "check/report.h"

#include <fmt/core.h>

#include <algorithm>

#include "absl/strings/str_join.h"
#include "cli/escape.h"
#include "cli/table.h"

namespace tripla::check {
namespace {

const char* SignOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "✓";
    case Verdict::kFails:
      return "✗";
    case Verdict::kOpen:
      return "?";
    case Verdict::kNotTried:
      return "-";
  }
  return "";
}

// A text of many lines, each of them moved to the right.
std::string Indented(const std::string& text, size_t columns) {
  const std::string blanks(columns, ' ');
  std::string indented;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    indented += (begin == 0 ? "" : blanks) + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return indented;
}

std::string MismatchText(const Mismatch& mismatch) {
  return fmt::format("    {}\n      expected: {}      got:      {}", mismatch.what,
                     Indented(mismatch.expected, 16), Indented(mismatch.got, 16));
}

std::string DetailText(const Plan& plan, const ClaimResult& result) {
  if (result.verdict == Verdict::kHolds || result.verdict == Verdict::kNotTried) return "";
  std::string text = fmt::format("\n{} {} {}: {}\n", SignOf(result.verdict), result.group,
                                 result.name, result.text);
  if (result.verdict == Verdict::kOpen) text += "    not found out: " + result.because + "\n";
  for (const Mismatch& mismatch : result.mismatches) text += MismatchText(mismatch);
  if (result.mismatches_more != 0) {
    text += fmt::format("    and {} more\n", result.mismatches_more);
  }
  return text + "    again: " + RepeatCommand(plan, result) + "\n";
}

std::string FiguresText(const ClaimResult& result) {
  return result.verdict == Verdict::kNotTried ? "not tried: " + result.because : result.figures;
}

// More than this would bury the columns before it.
constexpr size_t kFiguresInTableMax = 60;

bool AreLong(const std::string& figures) {
  return cli::CharacterCount(figures) > kFiguresInTableMax;
}

size_t CountOf(const Report& report, Verdict verdict) {
  return static_cast<size_t>(std::ranges::count(report.results, verdict, &ClaimResult::verdict));
}

}  // namespace

std::string TableText(const Plan& plan, const Report& report) {
  cli::Table table({" ", "CHECK", "CLAIM", "WHAT HOLDS", "MS", "FIGURES"});
  std::string long_figures;
  std::string details;
  for (const ClaimResult& result : report.results) {
    std::string figures = FiguresText(result);
    if (AreLong(figures)) {
      long_figures += fmt::format("\n{} {}\n    {}\n", result.group, result.name, figures);
      figures = "below";
    }
    table.Add({SignOf(result.verdict), result.group, result.name, result.text,
               std::to_string(result.took.count()), figures});
    details += DetailText(plan, result);
  }
  return fmt::format("{}{}{}\n{}; seed {}; {} keys left of {}\n", table.Text(), long_figures,
                     details, SummaryText(report), plan.seed, report.keys_left, report.key_range);
}

std::string ListText(const std::vector<Claim>& claims) {
  std::string text;
  for (const Claim& claim : claims) {
    text += fmt::format("{:8} {:36} {}\n", claim.group, claim.name, claim.text);
  }
  return text;
}

std::string RepeatCommand(const Plan& plan, const ClaimResult& result) {
  // What is about the whole run is repeated by the whole run.
  const bool whole = result.group == "run";
  const std::string claim = whole ? plan.claim : result.name;
  std::string text = "tripla-check " + (whole ? plan.command : result.group);
  if (!claim.empty()) text += " --claim " + claim;
  text += fmt::format(" --seed {} --endpoints {}", plan.seed, absl::StrJoin(plan.endpoints, ","));
  const Plan usual;
  const auto add_time = [&text](const char* flag, auto time, auto usual_time) {
    if (time != usual_time) text += fmt::format(" {} {}ms", flag, time.count());
  };
  add_time("--timeout", plan.timeout, usual.timeout);
  if (plan.entries != usual.entries) text += fmt::format(" --entries {}", plan.entries);
  if (plan.clients != usual.clients) text += fmt::format(" --clients {}", plan.clients);
  if (plan.keys != usual.keys) text += fmt::format(" --keys {}", plan.keys);
  add_time("--duration", plan.duration, usual.duration);
  return text;
}

std::string SummaryText(const Report& report) {
  std::string text =
      fmt::format("{} of {} claims hold", CountOf(report, Verdict::kHolds), report.results.size());
  const auto add = [&](Verdict verdict, const char* name) {
    const size_t count = CountOf(report, verdict);
    if (count != 0) text += fmt::format(", {} {}", count, name);
  };
  add(Verdict::kFails, "fail");
  add(Verdict::kOpen, "open");
  add(Verdict::kNotTried, "not tried");
  if (report.interrupted) text += "; interrupted";
  if (!report.ended_early.empty()) text += "; ended early: " + report.ended_early;
  return text;
}

}  // namespace tripla::check
