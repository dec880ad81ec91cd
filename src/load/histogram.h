// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tripla::load {

// How often each duration was seen, in buckets that are at most 1/128 of their value wide: a
// log-linear histogram. So percentiles are right to 0.8 % from a nanosecond to centuries, and
// recording costs one addition.
//
// Thread-safety: none; each thread fills its own, and one merges them.
class Histogram {
 public:
  using Duration = std::chrono::nanoseconds;

  // A negative duration counts as none.
  void Record(Duration duration);
  void Merge(const Histogram& other);

  [[nodiscard]] uint64_t count() const { return count_; }
  // Exact.
  [[nodiscard]] Duration max() const { return Duration(max_); }
  [[nodiscard]] Duration Mean() const;

  // The least duration that `fraction` (0 to 1) of all did not exceed, rounded up to the end of its
  // bucket but never above max(). Zero when nothing was recorded.
  [[nodiscard]] Duration Percentile(double fraction) const;

 private:
  static constexpr int kExactBits = 8;  // values below 2^8 have a bucket each
  static constexpr size_t kPerOctave = size_t{1} << (kExactBits - 1);
  static constexpr size_t kBuckets = (64 - kExactBits + 2) * kPerOctave;

  static size_t BucketOf(uint64_t value);
  // Inclusive.
  static uint64_t EndOf(size_t bucket);

  std::vector<uint64_t> counts_ = std::vector<uint64_t>(kBuckets);  // too large for a stack
  uint64_t count_ = 0;
  uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace tripla::load
