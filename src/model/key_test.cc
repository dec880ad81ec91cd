// SPDX-License-Identifier: Apache-2.0
#include "tripla/key.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tripla {
namespace {

Key Parsed(std::string_view text) {
  absl::StatusOr<Key> key = Key::Parse(text);
  EXPECT_TRUE(key.ok()) << text.substr(0, 60) << ": " << key.status();
  return key.ok() ? *key : Key();
}

Key FromBytes(std::string_view bytes) {
  absl::StatusOr<Key> key = Key::FromTwosComplement(bytes);
  EXPECT_TRUE(key.ok()) << key.status();
  return key.ok() ? *key : Key();
}

TEST(Key, DropsRedundantSignBytes) {
  EXPECT_EQ(FromBytes(std::string("\0\1", 2)), FromBytes("\1"));
  EXPECT_EQ(FromBytes("\xff\xff"), FromBytes("\xff"));
  EXPECT_EQ(FromBytes(std::string("\0\0\0", 3)), Key());
  EXPECT_NE(FromBytes(std::string("\0\x80", 2)), FromBytes("\x80"));
  EXPECT_EQ(FromBytes(std::string("\0\x80", 2)).twos_complement(), std::string("\0\x80", 2));
}

TEST(Key, RefusesTheEmptyAndTheTooLong) {
  EXPECT_EQ(Key::FromTwosComplement("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Key::FromTwosComplement(std::string(Key::kBytesMax, '\x7f')).ok());
  EXPECT_EQ(Key::FromTwosComplement(std::string(Key::kBytesMax + 1, '\0')).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(Key, OrdersAsIntegers) {
  std::vector<Key> ascending;
  std::vector<std::string> magnitudes = {"1",
                                         "2",
                                         "127",
                                         "128",
                                         "255",
                                         "256",
                                         "32767",
                                         "32768",
                                         "65535",
                                         "65536",
                                         "18446744073709551616"};
  for (size_t bytes : {122u, 123u, 124u, 125u, 1000u, 65'535u}) {
    magnitudes.push_back("0x7f" + std::string(2 * (bytes - 1), 'f'));
    magnitudes.push_back("0x80" + std::string(2 * (bytes - 1), '0'));
  }
  for (auto text = magnitudes.rbegin(); text != magnitudes.rend(); ++text) {
    ascending.push_back(Parsed("-" + *text));
  }
  ascending.push_back(Key());
  for (const std::string& text : magnitudes) ascending.push_back(Parsed(text));
  for (size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_LT(ascending[i - 1], ascending[i]) << "at " << i;
    EXPECT_EQ(*Key::FromOrderedBytes(ascending[i].ordered_bytes()), ascending[i]);
    EXPECT_EQ(FromBytes(ascending[i].twos_complement()), ascending[i]);
  }
}

TEST(Key, ReadsWhatPeopleType) {
  EXPECT_EQ(Parsed("007").ToText(), "7");
  EXPECT_EQ(Parsed("-0"), Key());
  EXPECT_EQ(Parsed("+5").ToText(), "5");
  EXPECT_EQ(Parsed("0xff").ToText(), "255");
  EXPECT_EQ(Parsed("-0xFF").ToText(), "-255");
  EXPECT_EQ(Parsed("10_000").ToText(), "10000");
  EXPECT_EQ(Parsed("0xdead_beef").ToText(), "3735928559");
  EXPECT_EQ(Parsed("uuid:00000000-0000-0000-0000-0000000000ff").ToText(), "255");
  EXPECT_EQ(Parsed("uuid:ffffffff-ffff-ffff-ffff-ffffffffffff").ToText(),
            "340282366920938463463374607431768211455");
  EXPECT_EQ(Parsed("-128").twos_complement(), "\x80");
  EXPECT_EQ(Parsed("-129").twos_complement(), "\xff\x7f");
  EXPECT_EQ(Parsed("128").twos_complement(), std::string("\0\x80", 2));
}

TEST(Key, KeepsTenThousandDigits) {
  const std::string digits = "-9" + std::string(9'999, '3');
  EXPECT_EQ(Parsed(digits).ToText(), digits);
  EXPECT_EQ(Parsed("0" + std::string(200'000, '0') + "9").ToText(), "9");
}

TEST(Key, RefusesTextThatIsNoInteger) {
  for (const char* text : {"", "x", "1.5", "-", "+", "0x", "1_", "_1", "1__0", "0x_1", "1 ", " 1",
                           "--1", "1e3", "uuid:", "uuid:00000000000000000000000000000000",
                           "uuid:00000000-0000-0000-0000-0000000000fg",
                           "uuid:00000000-0000-0000-0000-0000000000ff0", "٣"}) {
    EXPECT_EQ(Key::Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(Key, RefusesNumbersAboveTheLimit) {
  EXPECT_TRUE(Key::Parse("0x7f" + std::string(2 * (Key::kBytesMax - 1), 'f')).ok());
  EXPECT_TRUE(Key::Parse("-0x80" + std::string(2 * (Key::kBytesMax - 1), '0')).ok());
  for (const std::string& text : {"0x80" + std::string(2 * (Key::kBytesMax - 1), '0'),
                                  std::string(157'828, '9'), std::string(1'000'000, '9')}) {
    EXPECT_EQ(Key::Parse(text).status().code(), absl::StatusCode::kResourceExhausted);
  }
}

TEST(Key, RefusesOrderedBytesThatAreNotCanonical) {
  for (const std::string& bytes :
       {std::string(), std::string("\x81"), std::string("\x82\0\1", 3), std::string("\x81\x80"),
        std::string("\xfc\0\0\1\1", 5), std::string("\x7e\1"), std::string("\xff\1")}) {
    EXPECT_FALSE(Key::FromOrderedBytes(bytes).ok());
  }
}

}  // namespace
}  // namespace tripla
