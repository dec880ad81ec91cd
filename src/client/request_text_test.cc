// SPDX-License-Identifier: Apache-2.0
#include "client/request_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace tripla {
namespace {

const std::string kClient("\x00\x01\x7f\x80\xff 123456789a", 16);
const std::string kDigits = "00017f80ff2031323334353637383961";

TEST(RequestText, IsReadAsItWasWritten) {
  constexpr uint64_t kLast = std::numeric_limits<uint64_t>::max();
  for (const RequestRange& range :
       {RequestRange{kClient, 1, 1}, RequestRange{kClient, 17, 10},
        RequestRange{kClient, 5, 10'000}, RequestRange{kClient, kLast, 1}}) {
    EXPECT_EQ(ParseRequestRange(ToText(range)), range) << ToText(range);
  }
  EXPECT_EQ(ToText({kClient, 17, 1}), kDigits + "-17");
  EXPECT_EQ(ToText({kClient, 17, 10}), kDigits + "-17..26");
}

TEST(RequestText, OfAnotherFormIsRefused) {
  for (const std::string& text :
       {std::string(), std::string("-"), kDigits, kDigits + "-", kDigits + "-0", kDigits + "--1",
        kDigits + "-1x", kDigits + "-x", kDigits + " 1", kDigits + "-2..1", kDigits + "-1..",
        kDigits + "-1...3", kDigits + "-..3", kDigits + "-1..10001", kDigits + "-1 ",
        kDigits + "-18446744073709551616", kDigits.substr(1) + "-1", "x" + kDigits.substr(1) + "-1",
        kDigits + "0-1"}) {
    EXPECT_EQ(ParseRequestRange(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tripla
