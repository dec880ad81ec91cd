// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "load/measurement.h"
#include "load/plan.h"

namespace tripla::load {

// What a run found, for a person. Ends with a line end.
[[nodiscard]] std::string TableText(const Plan& plan, const Measurement& found);

// The same as one JSON object; latencies in microseconds.
[[nodiscard]] std::string JsonText(const Plan& plan, const Measurement& found);

// A line for each slice of the measured time: when it began, answers a second, and percentiles of
// their latencies in microseconds. CSV with a header.
[[nodiscard]] std::string TimelineText(const Measurement& found);

}  // namespace tripla::load
