// SPDX-License-Identifier: Apache-2.0
#include "cli/escape.h"

#include <gtest/gtest.h>

namespace tripla::cli {
namespace {

TEST(Escape, ShowsWhatIsPrintableAsItIs) {
  EXPECT_EQ(Escape("lala äöü € 😀", Keep::kNothing), "lala äöü € 😀");
}

TEST(Escape, HidesControlBytesFromTheTerminal) {
  EXPECT_EQ(Escape(std::string("\0\x1b[2J\x7f", 6), Keep::kNothing), R"(\x00\x1b[2J\x7f)");
  EXPECT_EQ(Escape("\n\r\t", Keep::kNothing), R"(\n\r\t)");
  EXPECT_EQ(Escape("\xc2\x9b", Keep::kNothing), R"(\xc2\x9b)") << "CSI of C1";
  EXPECT_EQ(Escape("\xe2\x80\xae", Keep::kLineEnds), R"(\xe2\x80\xae)") << "right-to-left override";
}

TEST(Escape, HidesBytesThatAreNotUtf8) {
  for (const char* bytes : {"\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                            "\xe2\x82", "\xf0\x80\x80\x80", "\x80"}) {
    EXPECT_EQ(PrintableLength(bytes), 0u) << Escape(bytes, Keep::kNothing);
  }
}

TEST(Escape, KeepsWhatItIsToldTo) {
  EXPECT_EQ(Escape("\"\\\n", Keep::kNothing), R"(\"\\\n)");
  EXPECT_EQ(Escape("\"\\\n", Keep::kQuotes), "\"\\\\n");
  EXPECT_EQ(Escape("\"\\\n\t\r", Keep::kLineEnds), "\"\\\n\t\\r");
}

TEST(IsText, IsPrintableCharactersAndLineEnds) {
  EXPECT_TRUE(IsText(""));
  EXPECT_TRUE(IsText("two\nlines\tä\r\n"));
  EXPECT_FALSE(IsText(std::string_view("\0", 1)));
  EXPECT_FALSE(IsText("\x1b"));
  EXPECT_FALSE(IsText("\xff"));
}

TEST(QuotedStart, SaysTheSizeOfWhatItCuts) {
  EXPECT_EQ(QuotedStart("äöü", 3), "\"äöü\"");
  EXPECT_EQ(QuotedStart("äöüx", 3), "\"äöü\"... (7 bytes)");
}

}  // namespace
}  // namespace tripla::cli
