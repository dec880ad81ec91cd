// SPDX-License-Identifier: Apache-2.0
#include "cli/line_words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tripla::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Words WordsOf(std::string_view line) {
  const auto words = SplitLine(line);
  EXPECT_TRUE(words.ok()) << words.status();
  return words.ok() ? *words : Words{};
}

std::string ErrorOf(std::string_view line) {
  return std::string(SplitLine(line).status().message());
}

TEST(SplitLine, SeparatesAtBlanks) {
  EXPECT_THAT(WordsOf("set 1\t lala  \r"), ElementsAre("set", "1", "lala"));
  EXPECT_THAT(WordsOf(""), IsEmpty());
  EXPECT_THAT(WordsOf("  \t "), IsEmpty());
}

TEST(SplitLine, CommentsBeginOnlyWhereAWordDoes) {
  EXPECT_THAT(WordsOf("# all of it"), IsEmpty());
  EXPECT_THAT(WordsOf("get 1 # key one"), ElementsAre("get", "1"));
  EXPECT_THAT(WordsOf("set 1 a#b '#c'"), ElementsAre("set", "1", "a#b", "#c"));
}

TEST(SplitLine, SingleQuotesTakeEverythingAsItIs) {
  EXPECT_THAT(WordsOf(R"(set 1 'a "b" \n # c')"), ElementsAre("set", "1", R"(a "b" \n # c)"));
}

TEST(SplitLine, DoubleQuotesKnowEscapes) {
  EXPECT_THAT(WordsOf(R"(set 1 "a'b\"\\\n\r\t")"), ElementsAre("set", "1", "a'b\"\\\n\r\t"));
  EXPECT_THAT(WordsOf(R"("\x00\xfF")"), ElementsAre(std::string("\0\xff", 2)));
}

TEST(SplitLine, S19_AQuoteInsideAWordStandsForItself) {
  EXPECT_THAT(WordsOf(R"(set 9 {"a":1})"), ElementsAre("set", "9", R"({"a":1})"));
  EXPECT_THAT(WordsOf(R"(set 9 [{"a":"b"},"c"])"), ElementsAre("set", "9", R"([{"a":"b"},"c"])"));
  EXPECT_THAT(WordsOf("set 1 it's # so"), ElementsAre("set", "1", "it's"));
  EXPECT_THAT(WordsOf(R"(set 1 text:{"a":1})"), ElementsAre("set", "1", R"(text:{"a":1})"));
  EXPECT_THAT(WordsOf(R"(set 1 "")"), ElementsAre("set", "1", ""));
}

TEST(SplitLine, S19_WhatOtherShellsReadOtherwiseIsRefusedAndNotGuessed) {
  for (const char* line : {R"(set 1 "a"b)", R"(set 1 'it''s')", R"(set 1 "a"'b')", "set 1 ''#"}) {
    EXPECT_THAT(ErrorOf(line), HasSubstr("right behind a closing quote")) << line;
  }
  for (const char* line : {R"(set 1 text:"a b")", "set 1 @'a b'", R"(set 1 hex:"00")",
                           R"(set 1 b64:"AA==")", R"(cas 1 a --version="3")"}) {
    EXPECT_THAT(ErrorOf(line), HasSubstr("stands inside a word")) << line;
  }
}

TEST(SplitLine, S19_ASemicolonAtTheEndIsDropped) {
  for (const char* line : {"get 1;", "get 1 ;", "get 1; # and so on", "get '1';"}) {
    EXPECT_THAT(WordsOf(line), ElementsAre("get", "1")) << line;
  }
  EXPECT_THAT(WordsOf("quit;"), ElementsAre("quit"));
  EXPECT_THAT(WordsOf(";"), IsEmpty());
  EXPECT_THAT(WordsOf("set 1 'a;';"), ElementsAre("set", "1", "a;"));
  EXPECT_THAT(WordsOf("cas 1 a --version 3;"), ElementsAre("cas", "1", "a", "--version", "3"));
  EXPECT_THAT(WordsOf("cas 1 a --version=3;"), ElementsAre("cas", "1", "a", "--version=3"));
  EXPECT_THAT(WordsOf("set 1 a;b"), ElementsAre("set", "1", "a;b"));
}

TEST(SplitLine, S19_ASemicolonThatMayBelongToTheDataIsRefused) {
  for (const char* line : {"set 1 a;", "SET 1 -- a;", "cas --version 1 1 a;", "cas 1 x; "}) {
    EXPECT_THAT(ErrorOf(line), HasSubstr("unclear whether the ;")) << line;
  }
}

TEST(SplitLine, S19_AQuotedWordHoldsItsLineEnds) {
  EXPECT_THAT(WordsOf("set 22 \"line1\nline2\""), ElementsAre("set", "22", "line1\nline2"));
  EXPECT_THAT(WordsOf("set 22 'a\r\n\n # b' --timestamp 1"),
              ElementsAre("set", "22", "a\r\n\n # b", "--timestamp", "1"));
  EXPECT_THAT(ErrorOf("set 22 'a\nb' \"c"), HasSubstr("column 4 of the statement's line 2"));
}

TEST(StatementLines, S19_AStatementGoesOnWhileAQuoteIsOpen) {
  StatementLines lines;
  EXPECT_THAT(**lines.Add("get 1"), ElementsAre("get", "1"));
  EXPECT_FALSE(lines.Add("set 1 'a").has_value());
  EXPECT_EQ(lines.quote_open(), '\'');
  EXPECT_FALSE(lines.Add("# no comment").has_value());
  EXPECT_THAT(**lines.Add("b'"), ElementsAre("set", "1", "a\n# no comment\nb"));
  EXPECT_EQ(lines.first_line(), 2u);
  EXPECT_TRUE(lines.End().ok());
  EXPECT_FALSE(lines.Add("set 1 \"").has_value());
  EXPECT_EQ(lines.quote_open(), '"');
  EXPECT_THAT(std::string(lines.End().message()), HasSubstr("quote \" at column 7"));
  EXPECT_THAT(**lines.Add("get 2"), ElementsAre("get", "2")) << "and begins anew";
}

TEST(SplitLine, BackslashOutsideQuotesStandsForItself) {
  EXPECT_THAT(WordsOf(R"(\o C:\new)"), ElementsAre("\\o", R"(C:\new)"));
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
