// SPDX-License-Identifier: Apache-2.0
#include "load/histogram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace tripla::load {
namespace {

using std::chrono::nanoseconds;

constexpr double kFractions[] = {0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0};

// What Percentile() promises, from the values themselves.
int64_t ExactPercentile(const std::vector<int64_t>& sorted, double fraction) {
  const auto rank = static_cast<size_t>(std::ceil(fraction * static_cast<double>(sorted.size())));
  return sorted[std::max<size_t>(rank, 1) - 1];
}

TEST(Histogram, PercentilesAreRightToOnePercentOverAllMagnitudes) {
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> magnitude(0.0, 40.0);
  Histogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<int64_t>(std::exp2(magnitude(random))));
    histogram.Record(nanoseconds(values.back()));
  }
  std::ranges::sort(values);
  for (const double fraction : kFractions) {
    const int64_t exact = ExactPercentile(values, fraction);
    const int64_t got = histogram.Percentile(fraction).count();
    EXPECT_GE(got, exact) << fraction;
    EXPECT_LE(static_cast<double>(got), static_cast<double>(exact) * 1.008) << fraction;
  }
}

TEST(Histogram, SmallValuesAndTheMaximumAreExact) {
  Histogram histogram;
  for (int value = 0; value <= 255; ++value) histogram.Record(nanoseconds(value));
  EXPECT_EQ(histogram.Percentile(0.5), nanoseconds(127));
  histogram.Record(nanoseconds(1'234'567'891));
  EXPECT_EQ(histogram.max(), nanoseconds(1'234'567'891));
  EXPECT_EQ(histogram.Percentile(1.0), nanoseconds(1'234'567'891));
}

TEST(Histogram, APercentileIsTheLastValueOfItsBucket) {
  Histogram histogram;
  histogram.Record(nanoseconds(256));  // with 257 in one bucket
  histogram.Record(nanoseconds(1000));
  EXPECT_EQ(histogram.Percentile(0.5), nanoseconds(257));
}

TEST(Histogram, TheLongestDurationThereIsHasABucket) {
  Histogram histogram;
  histogram.Record(nanoseconds::max());
  histogram.Record(nanoseconds(-5));
  EXPECT_EQ(histogram.Percentile(0.5), nanoseconds(0));
  EXPECT_EQ(histogram.Percentile(1.0), nanoseconds::max());
}

TEST(Histogram, MergedPartsAreTheWhole) {
  Histogram parts[2];
  Histogram whole;
  for (int value = 1; value <= 10'000; ++value) {
    parts[1 - value % 2].Record(nanoseconds(value * 1000));
    whole.Record(nanoseconds(value * 1000));
  }
  parts[0].Merge(parts[1]);
  EXPECT_EQ(parts[0].count(), 10'000u);
  EXPECT_EQ(parts[0].Mean(), whole.Mean());
  EXPECT_EQ(parts[0].max(), whole.max());
  for (const double fraction : kFractions) {
    EXPECT_EQ(parts[0].Percentile(fraction), whole.Percentile(fraction)) << fraction;
  }
}

TEST(Histogram, AnEmptyOneHasNoLatency) {
  const Histogram histogram;
  EXPECT_EQ(histogram.Percentile(0.99), nanoseconds(0));
  EXPECT_EQ(histogram.Mean(), nanoseconds(0));
}

}  // namespace
}  // namespace tripla::load
