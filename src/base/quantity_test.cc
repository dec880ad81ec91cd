// SPDX-License-Identifier: Apache-2.0
#include "base/quantity.h"

#include <gtest/gtest.h>

namespace tripla {
namespace {

using std::chrono::milliseconds;

TEST(Quantity, ReadsDurationsAsFlagsGiveThem) {
  EXPECT_EQ(*ParseDuration("200ms"), milliseconds(200));
  EXPECT_EQ(*ParseDuration("30s"), milliseconds(30'000));
  EXPECT_EQ(*ParseDuration("1.5s"), milliseconds(1500));
  EXPECT_EQ(*ParseDuration("5m"), milliseconds(300'000));
  EXPECT_EQ(*ParseDuration("2h"), milliseconds(7'200'000));
  EXPECT_EQ(*ParseDuration("0"), milliseconds(0));
}

TEST(Quantity, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "ms", "30", "-1s", "-0s", "1 s", "1e3s", "nan", "infs", "1d", "1s1s",
                           "99999999999999999999h", "0x10s"}) {
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
  }
}

TEST(Quantity, ReadsSizes) {
  EXPECT_EQ(*ParseByteSize("4096"), 4096u);
  EXPECT_EQ(*ParseByteSize("0"), 0u);
  EXPECT_EQ(*ParseByteSize("64KiB"), 65'536u);
  EXPECT_EQ(*ParseByteSize("16MiB"), 16u << 20);
  EXPECT_EQ(*ParseByteSize("1.5GiB"), uint64_t{3} << 29);
}

TEST(Quantity, RefusesWhatIsNoSize) {
  for (const char* text : {"", "-1", "16MB", "16 MiB", "MiB", "1e3", "99999999999TiB"}) {
    EXPECT_FALSE(ParseByteSize(text).ok()) << text;
  }
}

TEST(Quantity, WritesWhatItReads) {
  EXPECT_EQ(DurationText(milliseconds(200)), "200ms");
  EXPECT_EQ(DurationText(milliseconds(30'000)), "30s");
  EXPECT_EQ(ByteSizeText(16 << 20), "16 MiB");
  EXPECT_EQ(ByteSizeText(1536), "1.5 KiB");
  EXPECT_EQ(ByteSizeText(0), "0 B");
}

}  // namespace
}  // namespace tripla
