// SPDX-License-Identifier: Apache-2.0
#include "load/report.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "cli/escape.h"

namespace tripla::load {
namespace {

constexpr std::pair<const char*, double> kPercentiles[] = {
    {"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}};

double Microseconds(Histogram::Duration duration) {
  return static_cast<double>(duration.count()) / 1000;
}

double PerSecond(uint64_t count, const Measurement& found) {
  const double seconds = found.measured.count();
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string ResultsText(const Results& results) {
  std::string text = fmt::format("{} SUCCESS", results.success);
  const auto add = [&](uint64_t count, const char* name) {
    if (count != 0) text += fmt::format(", {} {}", count, name);
  };
  add(results.error, "ERROR");
  add(results.no_entry, "ERROR_NE");
  add(results.wrong_version, "ERROR_WV");
  add(results.unreadable, "unreadable");
  return text;
}

}  // namespace

std::string TableText(const Plan& plan, const Measurement& found) {
  const Tally& tally = found.tally;
  std::string text =
      fmt::format("{}: {:.0f} calls/s", plan.verb_name, PerSecond(tally.latency.count(), found));
  if (tally.measured_operations != tally.latency.count()) {
    text += fmt::format(", {:.0f} operations/s", PerSecond(tally.measured_operations, found));
  }
  text += fmt::format(" over {:.1f} s, {} in flight on {} connections\n", found.measured.count(),
                      plan.in_flight, plan.connections);
  text += fmt::format("latency (µs)  mean {:.0f}", Microseconds(tally.latency.Mean()));
  for (const auto& [name, fraction] : kPercentiles) {
    text += fmt::format("  {} {:.0f}", name, Microseconds(tally.latency.Percentile(fraction)));
  }
  text += fmt::format("  max {:.0f}\n", Microseconds(tally.latency.max()));
  text += fmt::format("all calls     {}; {} errors, {} unknown\n", ResultsText(tally.results),
                      tally.errors, tally.unknown);
  if (found.never_begun != 0) {
    text += fmt::format(
        "              {} more were due and never begun: all calls in flight were "
        "taken\n",
        found.never_begun);
  }
  for (const auto& [error, count] : tally.error_texts) {
    text +=
        fmt::format("              {} times: {}\n", count, cli::Escape(error, cli::Keep::kQuotes));
  }
  text += fmt::format("own cost      {:.1f} µs CPU and {:.2f} context switches a call\n",
                      found.cpu_microseconds, found.switches);
  return text;
}

std::string JsonText(const Plan& plan, const Measurement& found) {
  const Tally& tally = found.tally;
  nlohmann::ordered_json object;
  object["verb"] = plan.verb_name;
  object["api"] = plan.api == Api::kEtcd ? "etcd" : "tripla";
  object["endpoints"] = plan.endpoints;
  object["in_flight"] = plan.in_flight;
  object["connections"] = plan.connections;
  object["value_bytes"] = plan.value_bytes;
  object["keys"] = plan.keys;
  object["rate"] = plan.rate;
  object["measured_seconds"] = found.measured.count();
  object["calls_per_second"] = PerSecond(tally.latency.count(), found);
  object["operations_per_second"] = PerSecond(tally.measured_operations, found);
  nlohmann::ordered_json& latency = object["latency_us"];
  latency["mean"] = Microseconds(tally.latency.Mean());
  for (const auto& [name, fraction] : kPercentiles) {
    latency[name] = Microseconds(tally.latency.Percentile(fraction));
  }
  latency["max"] = Microseconds(tally.latency.max());
  object["calls"] = tally.calls;
  object["results"] = {{"SUCCESS", tally.results.success},
                       {"ERROR", tally.results.error},
                       {"ERROR_NE", tally.results.no_entry},
                       {"ERROR_WV", tally.results.wrong_version},
                       {"unreadable", tally.results.unreadable}};
  object["errors"] = tally.errors;
  object["unknown"] = tally.unknown;
  object["never_begun"] = found.never_begun;
  object["error_texts"] = tally.error_texts;
  object["own_cpu_us_per_call"] = found.cpu_microseconds;
  object["own_switches_per_call"] = found.switches;
  return object.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string TimelineText(const Measurement& found) {
  constexpr double kSliceSeconds = std::chrono::duration<double>(kSlice).count();
  std::string text = "seconds,calls_per_second,p50_us,p99_us,p99.9_us,max_us\n";
  for (size_t i = 0; i < found.tally.timeline.size(); ++i) {
    const Histogram& slice = found.tally.timeline[i];
    text += fmt::format("{:.1f},{:.0f},{:.1f},{:.1f},{:.1f},{:.1f}\n",
                        static_cast<double>(i) * kSliceSeconds,
                        static_cast<double>(slice.count()) / kSliceSeconds,
                        Microseconds(slice.Percentile(0.5)), Microseconds(slice.Percentile(0.99)),
                        Microseconds(slice.Percentile(0.999)), Microseconds(slice.max()));
  }
  return text;
}

}  // namespace tripla::load
