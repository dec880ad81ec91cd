// SPDX-License-Identifier: Apache-2.0
#include "load/measurement.h"

namespace tripla::load {

void Tally::Merge(const Tally& other) {
  calls += other.calls;
  results.Add(other.results);
  errors += other.errors;
  unknown += other.unknown;
  for (const auto& [text, count] : other.error_texts) error_texts[text] += count;
  measured_operations += other.measured_operations;
  latency.Merge(other.latency);
  if (timeline.size() < other.timeline.size()) timeline.resize(other.timeline.size());
  for (size_t i = 0; i < other.timeline.size(); ++i) timeline[i].Merge(other.timeline[i]);
}

}  // namespace tripla::load
