// SPDX-License-Identifier: Apache-2.0
#include "load/histogram.h"

#include <algorithm>
#include <cmath>

namespace tripla::load {

void Histogram::Record(Duration duration) {
  const auto value = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
  ++counts_[BucketOf(value)];
  ++count_;
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::Merge(const Histogram& other) {
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

Histogram::Duration Histogram::Mean() const {
  if (count_ == 0) return Duration(0);
  return Duration(static_cast<int64_t>(sum_ / static_cast<double>(count_)));
}

Histogram::Duration Histogram::Percentile(double fraction) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(fraction * static_cast<double>(count_)));
  uint64_t seen = 0;
  for (size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i];
    if (seen != 0 && seen >= wanted) {
      return Duration(static_cast<int64_t>(std::min(EndOf(i), max_)));
    }
  }
  return Duration(0);
}

size_t Histogram::BucketOf(uint64_t value) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kExactBits);
  return static_cast<size_t>(shift) * kPerOctave + (value >> shift);
}

uint64_t Histogram::EndOf(size_t bucket) {
  if (bucket < 2 * kPerOctave) return bucket;
  const size_t shift = bucket / kPerOctave - 1;
  return ((bucket - shift * kPerOctave + 1) << shift) - 1;
}

}  // namespace tripla::load
