// SPDX-License-Identifier: Apache-2.0
#include "cli/line_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tripla::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> Words(std::string_view line) {
  const auto words = SplitLine(line);
  EXPECT_TRUE(words.ok()) << words.status();
  return words.ok() ? *words : std::vector<std::string>{};
}

std::string ErrorOf(std::string_view line) {
  return std::string(SplitLine(line).status().message());
}

TEST(SplitLine, SeparatesAtBlanks) {
  EXPECT_THAT(Words("set 1\t lala  \r"), ElementsAre("set", "1", "lala"));
  EXPECT_THAT(Words(""), IsEmpty());
  EXPECT_THAT(Words("  \t "), IsEmpty());
}

TEST(SplitLine, CommentsBeginOnlyWhereAWordDoes) {
  EXPECT_THAT(Words("# all of it"), IsEmpty());
  EXPECT_THAT(Words("get 1 # key one"), ElementsAre("get", "1"));
  EXPECT_THAT(Words("set 1 a#b '#c'"), ElementsAre("set", "1", "a#b", "#c"));
}

TEST(SplitLine, SingleQuotesTakeEverythingAsItIs) {
  EXPECT_THAT(Words(R"(set 1 'a "b" \n # c')"), ElementsAre("set", "1", R"(a "b" \n # c)"));
}

TEST(SplitLine, DoubleQuotesKnowEscapes) {
  EXPECT_THAT(Words(R"(set 1 "a'b\"\\\n\r\t")"), ElementsAre("set", "1", "a'b\"\\\n\r\t"));
  EXPECT_THAT(Words(R"("\x00\xfF")"), ElementsAre(std::string("\0\xff", 2)));
}

TEST(SplitLine, PiecesThatTouchAreOneWord) {
  EXPECT_THAT(Words(R"(a'b c'"d e"f)"), ElementsAre("ab cd ef"));
  EXPECT_THAT(Words(R"(set 1 "")"), ElementsAre("set", "1", ""));
}

TEST(SplitLine, BackslashOutsideQuotesStandsForItself) {
  EXPECT_THAT(Words(R"(\o C:\new)"), ElementsAre("\\o", R"(C:\new)"));
}

TEST(SplitLine, NamesTheColumnOfAQuoteLeftOpen) {
  EXPECT_THAT(ErrorOf("set 1 'a"), HasSubstr("quote ' at column 7"));
  EXPECT_THAT(ErrorOf("set 1 \"a\\\""), HasSubstr("quote \" at column 7"));
}

TEST(SplitLine, RefusesUnknownEscapes) {
  for (const char* line : {R"("\q")", R"("\x1")", R"("\xg0")", R"("\)"}) {
    EXPECT_THAT(ErrorOf(line), HasSubstr("unknown escape at column 2")) << line;
  }
}

}  // namespace
}  // namespace tripla::cli
