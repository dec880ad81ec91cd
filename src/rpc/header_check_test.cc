// SPDX-License-Identifier: Apache-2.0
#include "rpc/header_check.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace tripla::rpc {
namespace {

using std::string_literals::operator""s;
using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kCall = {
    {":method", "POST"}, {":scheme", "http"}, {":path", "/a.B/C"}, {":authority", "host"}};

Fields With(Fields fields, const Fields& more) {
  fields.insert(fields.end(), more.begin(), more.end());
  return fields;
}

bool IsRequest(const Fields& fields) {
  HeaderCheck check;
  for (const auto& [name, value] : fields) check.Take(name, value);
  return check.is_sound() && check.IsComplete();
}

TEST(HeaderCheck, TheHeadersOfACallAreSound) {
  EXPECT_TRUE(IsRequest(kCall));
  EXPECT_TRUE(IsRequest(With(kCall, {{"content-type", "application/grpc"},
                                     {"te", "trailers"},
                                     {"x-any_thing.else-bin", "AAAA"},
                                     {"user-agent", ""},
                                     {"host", "other"},
                                     {"cookie", "a=\x80\xff"}})));
  EXPECT_TRUE(IsRequest({{":method", "CONNECT"}, {":authority", "host:1"}}));
}

TEST(HeaderCheck, AnAuthorityMayBeEmptyOrMissing) {
  Fields without(kCall.begin(), kCall.end() - 1);
  EXPECT_TRUE(IsRequest(without));
  EXPECT_TRUE(IsRequest(With(without, {{":authority", ""}})));
}

TEST(HeaderCheck, PseudoHeadersAreThereOnceFirstAndKnown) {
  for (size_t left_out = 0; left_out < 3; ++left_out) {
    Fields fields = kCall;
    fields.erase(fields.begin() + static_cast<ptrdiff_t>(left_out));
    EXPECT_FALSE(IsRequest(fields)) << left_out;
    Fields empty = kCall;
    empty[left_out].second.clear();
    EXPECT_FALSE(IsRequest(empty)) << left_out;
  }
  for (const auto& field : kCall) EXPECT_FALSE(IsRequest(With(kCall, {field}))) << field.first;
  EXPECT_FALSE(IsRequest(With({{"te", "trailers"}}, kCall)));
  for (const char* name : {":", ":status", ":protocol", ":Method", ":other"}) {
    EXPECT_FALSE(IsRequest(With({{name, "1"}}, kCall))) << name;
  }
  EXPECT_FALSE(IsRequest(With({{":method", "CONNECT"}}, {{":path", "/"}, {":authority", "a"}})));
}

TEST(HeaderCheck, NamesAndValuesHaveNothingThatHttp1WouldReadOtherwise) {
  for (const std::string& name : {""s, "Te"s, "X-A"s, "a b"s, "a:b"s, "a\0"s, "a\n"s, "\xc3"s}) {
    EXPECT_FALSE(IsRequest(With(kCall, {{name, "1"}}))) << name;
  }
  for (const std::string& value : {"a\0b"s, "a\r"s, "\n"s}) {
    EXPECT_FALSE(IsRequest(With(kCall, {{"a", value}}))) << value;
  }
}

TEST(HeaderCheck, FieldsOfAConnectionAreMalformed) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}) {
    EXPECT_FALSE(IsRequest(With(kCall, {{name, "trailers"}}))) << name;
  }
  EXPECT_FALSE(IsRequest(With(kCall, {{"te", "trailers, deflate"}})));
}

TEST(HeaderCheck, TheBodyIsAsLongAsItIsSaidToBe) {
  HeaderCheck check;
  for (const auto& [name, value] : kCall) check.Take(name, value);
  check.TakeBody(7);
  EXPECT_TRUE(check.BodyFits()) << "nothing was said";
  check.Take("content-length", "12");
  EXPECT_FALSE(check.BodyFits());
  check.TakeBody(5);
  EXPECT_TRUE(check.BodyFits());
  check.TakeBody(1);
  EXPECT_FALSE(check.BodyFits());
  for (const char* wrong : {"", "-1", "1x", "0x1", "99999999999999999999"}) {
    EXPECT_FALSE(IsRequest(With(kCall, {{"content-length", wrong}}))) << wrong;
  }
  EXPECT_FALSE(IsRequest(With(kCall, {{"content-length", "1"}, {"content-length", "2"}})));
}

TEST(HeaderCheck, TrailersHaveNoPseudoHeaders) {
  HeaderCheck check;
  for (const auto& [name, value] : kCall) check.Take(name, value);
  check.EndHeaders();
  check.Take("x-sum", "1");
  EXPECT_TRUE(check.is_sound());
  check.Take(":path", "/");
  EXPECT_FALSE(check.is_sound());
}

}  // namespace
}  // namespace tripla::rpc
