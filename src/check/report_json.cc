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
    case Verdict::kNotTried:
      return "not tried";
  }
  return "";
}

using Json = nlohmann::ordered_json;

// Foreign bytes are escaped long before; what is left must still never throw here.
std::string Text(const Json& object) {
  return object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

// What a claim says; it has the same names in a Claim and in its ClaimResult.
template <typename Source>
Json NamesOf(const Source& claim) {
  return {{"check", claim.group},
          {"claim", claim.name},
          {"requirement", RequirementOf(claim.name)},
          {"text", claim.text}};
}

Json ClaimObject(const Plan& plan, const ClaimResult& result) {
  Json object = NamesOf(result);
  object["verdict"] = NameOf(result.verdict);
  object["milliseconds"] = result.took.count();
  object["figures"] = result.figures;
  for (const CutRun& run : result.cuts) {
    object["cuts"].push_back({{"from", run.from}, {"to", run.to}, {"told", run.told}});
  }
  if (!result.because.empty()) object["because"] = result.because;
  if (result.verdict != Verdict::kFails && result.verdict != Verdict::kOpen) return object;
  object["mismatches"] = Json::array();
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
  Json object;
  object["command"] = plan.command;
  object["endpoints"] = plan.endpoints;
  object["seed"] = std::to_string(plan.seed);
  object["summary"] = SummaryText(report);
  object["interrupted"] = report.interrupted;
  if (!report.ended_early.empty()) object["ended_early"] = report.ended_early;
  object["exit_code"] = static_cast<int>(report.exit_code());
  object["keys_left"] = report.keys_left;
  object["key_range"] = report.key_range;
  object["claims"] = Json::array();
  for (const ClaimResult& result : report.results) {
    object["claims"].push_back(ClaimObject(plan, result));
  }
  return Text(object);
}

std::string ListJsonText(const std::vector<Claim>& claims) {
  Json object{{"claims", Json::array()}};
  for (const Claim& claim : claims) object["claims"].push_back(NamesOf(claim));
  return Text(object);
}

}  // namespace tripla::check
