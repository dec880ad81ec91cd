// SPDX-License-Identifier: Apache-2.0
#include "cli/hint.h"

#include <gtest/gtest.h>

namespace tripla::cli {
namespace {

Decided Answered(Result result, std::optional<Triple> value, uint64_t revision = 8) {
  return {.result = result, .value = std::move(value), .revision = revision};
}

const Key kKey = *Key::Parse("42");

TEST(HintText, S19_SaysHowToGoOnAfterAnAnswerThatIsNoSuccess) {
  const Triple stored{9, 0, "\x1b"};
  EXPECT_EQ(HintText(SetOperation{kKey}, Answered(Result::kError, stored)),
            "hint: 42 is present; cas replaces it: cas 42 DATA --version 9");
  EXPECT_EQ(HintText(TestAndSetOperation{kKey, 0, "", 7}, Answered(Result::kWrongVersion, stored)),
            "hint: 42 has version 9, not 7; to act on what it holds now: cas 42 DATA --version 9");
  EXPECT_EQ(HintText(DelVersionOperation{kKey, 7}, Answered(Result::kWrongVersion, stored)),
            "hint: 42 has version 9, not 7; to act on what it holds now: del 42 --version 9");
  EXPECT_EQ(HintText(DelVersionOperation{kKey, 9, 3}, Answered(Result::kWrongVersion, stored)),
            "hint: 42 has version 9, but its revision is 8, not 3: it was removed and set again");
  EXPECT_EQ(HintText(TestAndSetOperation{kKey, 0, "", 7}, Answered(Result::kNoEntry, {})),
            "hint: 42 is absent; set creates it: set 42 DATA");
}

TEST(HintText, IsEmptyWhereTheAnswerSpeaksForItself) {
  EXPECT_EQ(HintText(SetOperation{kKey}, Answered(Result::kSuccess, {})), "");
  EXPECT_EQ(HintText(GetOperation{kKey}, Answered(Result::kError, {})), "");
  EXPECT_EQ(HintText(DelOperation{kKey}, Answered(Result::kError, {})), "");
  EXPECT_EQ(HintText(SetOperation{kKey}, Answered(Result::kError, {})), "") << "a strange server";
}

}  // namespace
}  // namespace tripla::cli
