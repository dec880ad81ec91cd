// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <map>
#include <string_view>
#include <vector>

#include "check/report.h"

namespace tripla::check {
namespace {

// Text inside XML. The texts here are printable and of many lines at most.
std::string Xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string Seconds(std::chrono::milliseconds time) {
  return fmt::format("{}.{:03}", time.count() / 1000, time.count() % 1000);
}

std::string FindingText(const Plan& plan, const ClaimResult& result) {
  std::string text;
  for (const Mismatch& mismatch : result.mismatches) {
    text +=
        fmt::format("{}\nexpected: {}\ngot: {}\n", mismatch.what, mismatch.expected, mismatch.got);
  }
  return text + result.because + "\nagain: " + RepeatCommand(plan, result) + "\n";
}

std::string CaseText(const Plan& plan, const ClaimResult& result) {
  std::string text =
      fmt::format("    <testcase classname=\"tripla-check.{}\" name=\"{}: {}\" time=\"{}\"",
                  Xml(result.group), Xml(result.name), Xml(result.text), Seconds(result.took));
  if (result.verdict == Verdict::kHolds) return text + "/>\n";
  if (result.verdict == Verdict::kNotTried) {
    return text + fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                              Xml(result.because));
  }
  const char* element = result.verdict == Verdict::kFails ? "failure" : "error";
  return text + fmt::format(">\n      <{} message=\"{}\">{}</{}>\n    </testcase>\n", element,
                            Xml(result.text), Xml(FindingText(plan, result)), element);
}

struct Suite {
  std::string cases;
  int tests = 0;
  int failures = 0;
  int errors = 0;
  int skipped = 0;
  std::chrono::milliseconds took{0};
};

}  // namespace

std::string JunitText(const Plan& plan, const Report& report) {
  std::map<std::string, Suite> suites;
  for (const ClaimResult& result : report.results) {
    Suite& suite = suites[result.group];
    suite.cases += CaseText(plan, result);
    ++suite.tests;
    suite.failures += result.verdict == Verdict::kFails ? 1 : 0;
    suite.errors += result.verdict == Verdict::kOpen ? 1 : 0;
    suite.skipped += result.verdict == Verdict::kNotTried ? 1 : 0;
    suite.took += result.took;
  }
  const auto property = [](const char* name, const auto& value) {
    return fmt::format("<property name=\"{}\" value=\"{}\"/>", name, value);
  };
  const std::string properties = property("seed", plan.seed) +
                                 property("keys_left", report.keys_left) +
                                 property("key_range", report.key_range);
  std::string text =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"tripla-check\">\n";
  for (const auto& [name, suite] : suites) {
    text += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" "
        "time=\"{}\">\n    <properties>{}</properties>\n{}  </testsuite>\n",
        Xml(name), suite.tests, suite.failures, suite.errors, suite.skipped, Seconds(suite.took),
        properties, suite.cases);
  }
  return text + "</testsuites>\n";
}

}  // namespace tripla::check
