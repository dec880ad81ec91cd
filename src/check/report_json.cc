// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "check/report.h"

namespace tripla::check {
namespace {

const char* NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kHolds:
      return "holds";
    case Verdict::kFails:
      return "fails";
    case Verdict::kOpen:
      return "open";
  }
  return "";
}

nlohmann::ordered_json ClaimObject(const Plan& plan, const ClaimResult& result) {
  nlohmann::ordered_json object;
  object["check"] = result.group;
  object["claim"] = result.name;
  object["requirement"] = RequirementOf(result.name);
  object["text"] = result.text;
  object["verdict"] = NameOf(result.verdict);
  object["milliseconds"] = result.took.count();
  object["figures"] = result.figures;
  if (result.verdict == Verdict::kHolds) return object;
  if (!result.open_because.empty()) object["open_because"] = result.open_because;
  object["mismatches"] = nlohmann::ordered_json::array();
  for (const Mismatch& mismatch : result.mismatches) {
    object["mismatches"].push_back(
        {{"what", mismatch.what}, {"expected", mismatch.expected}, {"got", mismatch.got}});
  }
  object["mismatches_more"] = result.mismatches_more;
  object["again"] = RepeatCommand(plan, result);
  return object;
}

}  // namespace

std::string JsonText(const Plan& plan, const Report& report) {
  nlohmann::ordered_json object;
  object["command"] = plan.command;
  object["endpoints"] = plan.endpoints;
  object["seed"] = std::to_string(plan.seed);
  object["summary"] = SummaryText(report);
  object["interrupted"] = report.interrupted;
  object["exit_code"] = static_cast<int>(report.exit_code());
  object["claims"] = nlohmann::ordered_json::array();
  for (const ClaimResult& result : report.results) {
    object["claims"].push_back(ClaimObject(plan, result));
  }
  // Foreign bytes are escaped long before; what is left must still never throw here.
  return object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace tripla::check
