// SPDX-License-Identifier: Apache-2.0
#include "rpc/wire_format.h"

#include <gtest/gtest.h>

#include <limits>

#include "health/health.pb.h"

namespace tripla::rpc {
namespace {

using std::string_literals::operator""s;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(WireFormat, AMessageBeginsWithAZeroAndItsLength) {
  grpc::health::v1::HealthCheckRequest request;
  request.set_service(std::string(300, 'x'));
  const std::string encoded = Encode(request);
  EXPECT_EQ(encoded, "\0\0\0\1\x2f"s + request.SerializeAsString());
  const std::optional<Prefix> prefix = ReadPrefix(encoded);
  ASSERT_TRUE(prefix.has_value());
  EXPECT_FALSE(prefix->compressed);
  EXPECT_EQ(prefix->message_bytes, 303u);
}

TEST(WireFormat, APrefixIsReadAsUnsignedAndItsFirstByteIsZeroOrOne) {
  EXPECT_EQ(ReadPrefix("\0\xff\xff\xff\xff"s)->message_bytes, 0xffffffff);
  EXPECT_TRUE(ReadPrefix("\1\0\0\0\0"s)->compressed);
  EXPECT_FALSE(ReadPrefix("\2\0\0\0\0"s).has_value());
  EXPECT_FALSE(ReadPrefix("\xff\0\0\0\0"s).has_value());
}

TEST(WireFormat, ATimeoutHasUpToEightDigitsAndAUnit) {
  EXPECT_EQ(ParseTimeout("7n"), nanoseconds(7));
  EXPECT_EQ(ParseTimeout("7u"), microseconds(7));
  EXPECT_EQ(ParseTimeout("7m"), milliseconds(7));
  EXPECT_EQ(ParseTimeout("7S"), seconds(7));
  EXPECT_EQ(ParseTimeout("7M"), minutes(7));
  EXPECT_EQ(ParseTimeout("7H"), hours(7));
  EXPECT_EQ(ParseTimeout("0m"), milliseconds(0));
  EXPECT_EQ(ParseTimeout("00000010S"), seconds(10));
  EXPECT_EQ(ParseTimeout("00000010"), std::nullopt);
  EXPECT_EQ(ParseTimeout("99999999S"), seconds(99'999'999));
  for (const char* wrong : {"", "S", "7", "7s", "-7S", "+7S", "7 S", " 7S", "7.5S", "123456789S"}) {
    EXPECT_EQ(ParseTimeout(wrong), std::nullopt) << wrong;
  }
}

TEST(WireFormat, TheLongestTimeoutDoesNotOverflow) {
  EXPECT_GT(*ParseTimeout("99999999H"), hours(200 * 365 * 24));
  EXPECT_GT(*ParseTimeout("99999999M"), hours(100 * 365 * 24));
}

TEST(WireFormat, AStatusMessageIsPrintableAsciiOnTheWire) {
  EXPECT_EQ(PercentEncode("as it is: ~!\"/"), "as it is: ~!\"/");
  EXPECT_EQ(PercentEncode("100 %\n\x7f\xc3\xa9\0"s), "100 %25%0A%7F%C3%A9%00");
}

TEST(WireFormat, BinaryMetadataIsBase64WithPaddingOrWithout) {
  EXPECT_EQ(Base64Encode("\0\xff\xfe"s), "AP/+");
  EXPECT_EQ(Base64Encode("a"), "YQ");
  EXPECT_EQ(Base64Encode(""), "");
  EXPECT_EQ(Base64Decode("YQ"), "a");
  EXPECT_EQ(Base64Decode("YQ=="), "a");
  EXPECT_EQ(Base64Decode("AP/+"), "\0\xff\xfe"s);
  EXPECT_EQ(Base64Decode("*"), std::nullopt);
  EXPECT_TRUE(IsBinaryName("grpc-status-details-bin"));
  EXPECT_FALSE(IsBinaryName("x-bind"));
}

}  // namespace
}  // namespace tripla::rpc
