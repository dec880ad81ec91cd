// SPDX-License-Identifier: Apache-2.0
#include "cli/statement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "cli/line_words.h"

namespace tripla::cli {
namespace {

using testing::HasSubstr;

constexpr int64_t kNow = 1234567;

absl::StatusOr<Statement> Parse(std::string_view line) {
  return ParseStatement(*SplitLine(line), {.standard_input = nullptr, .now = [] { return kNow; }});
}

template <typename Kind>
Kind Parsed(std::string_view line) {
  const absl::StatusOr<Statement> statement = Parse(line);
  EXPECT_TRUE(statement.ok()) << line << ": " << statement.status();
  if (!statement.ok()) return {};
  if constexpr (std::is_constructible_v<Operation, Kind>) {
    return std::get<Kind>(std::get<Operation>(*statement));
  } else {
    return std::get<Kind>(*statement);
  }
}

std::string ErrorOf(std::string_view line) { return std::string(Parse(line).status().message()); }

TEST(ParseStatement, ReadsEachVerb) {
  EXPECT_EQ(Parsed<GetOperation>("get -12").key.ToText(), "-12");
  EXPECT_EQ(Parsed<GetOperation>("get 1").consistency, Consistency::kLinearizable);
  EXPECT_EQ(Parsed<GetOperation>("get 1 --consistency stale").consistency, Consistency::kStale);
  EXPECT_THAT(ErrorOf("get 1 --consistency none"), testing::HasSubstr("linearizable or stale"));

  const auto set = Parsed<SetOperation>("set 0xff 'two words' --timestamp -5");
  EXPECT_EQ(set.key.ToText(), "255");
  EXPECT_EQ(set.data, "two words");
  EXPECT_EQ(set.timestamp, -5);

  EXPECT_EQ(Parsed<DelOperation>("del 10_000").key.ToText(), "10000");
  const auto del = Parsed<DelVersionOperation>("del 007 --version 3 --if-revision=9");
  EXPECT_EQ(del.key.ToText(), "7");
  EXPECT_EQ(del.version, 3);
  EXPECT_EQ(del.if_revision, 9u);

  const auto cas = Parsed<TestAndSetOperation>("cas --version=-1 1 lele --if-revision 4");
  EXPECT_EQ(cas.version, -1);
  EXPECT_EQ(cas.data, "lele");
  EXPECT_EQ(cas.timestamp, kNow);
  EXPECT_EQ(cas.if_revision, 4u);

  EXPECT_EQ(Parsed<BatchStatement>("batch -").file, "-");
  EXPECT_EQ(Parsed<HelpStatement>("help cas").verb, "cas");
  EXPECT_EQ(Parsed<HelpStatement>("help").verb, "");
  Parsed<StatusStatement>("status");
  Parsed<SnapshotStatement>("snapshot");
  EXPECT_EQ(Parsed<TransferStatement>("transfer n2").node, "n2");
  EXPECT_EQ(Parsed<TransferStatement>("transfer").node, "");
}

TEST(ParseStatement, AnEmptyNameMovesLeadershipNowhere) {
  EXPECT_THAT(ErrorOf("transfer ''"), HasSubstr("the name of the server is empty"));
}

TEST(ParseStatement, TakesTheClockWhenNoTimestampIsGiven) {
  EXPECT_EQ(Parsed<SetOperation>("set 1 a").timestamp, kNow);
}

TEST(ParseStatement, TakesNumbersUpToTheirEnds) {
  EXPECT_EQ(Parsed<SetOperation>("set 1 a --timestamp -9223372036854775808").timestamp,
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(Parsed<SetOperation>("set 1 a --timestamp 9223372036854775807").timestamp,
            std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Parsed<DelVersionOperation>("del 1 --version 1 --if-revision 18446744073709551615")
                .if_revision,
            std::numeric_limits<uint64_t>::max());
}

TEST(ParseStatement, RefusesOtherNumbers) {
  for (const char* number : {"9223372036854775808", "1.5", "0x1", "+1", "''", "1a", "' 1'"}) {
    EXPECT_THAT(ErrorOf(std::string("set 1 a --timestamp ") + number),
                HasSubstr("--timestamp takes an integer from -9223372036854775808 to"))
        << number;
  }
  EXPECT_THAT(ErrorOf("del 1 --version 1 --if-revision -1"), HasSubstr("integer from 0 to"));
}

TEST(ParseStatement, RefusesBadKeys) {
  for (const char* line : {"get x", "get 1.5", "get ''", "get -", "set --timestamp 1 x y"}) {
    EXPECT_THAT(ErrorOf(line), HasSubstr("is not a key")) << line;
  }
  EXPECT_EQ(Parse("get " + std::string(200'000, '9')).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(ParseStatement, DataMayLookLikeANumberOrAFlag) {
  EXPECT_EQ(Parsed<SetOperation>("set 1 -5").data, "-5");
  EXPECT_EQ(Parsed<SetOperation>("set 1 -x").data, "-x");
  EXPECT_EQ(Parsed<SetOperation>("set 1 -- --timestamp").data, "--timestamp");
  EXPECT_EQ(Parsed<SetOperation>("set 1 text:--x").data, "--x");
  EXPECT_EQ(Parsed<SetOperation>("set 1 ''").data, "");
}

TEST(ParseStatement, S19_VerbsMayBeInUpperCase) {
  EXPECT_EQ(Parsed<GetOperation>("GET 7").key.ToText(), "7");
  EXPECT_EQ(Parsed<TestAndSetOperation>("Cas 1 a --version 2").version, 2);
  EXPECT_EQ(Parsed<HelpStatement>("Help CAS").verb, "cas");
}

TEST(ParseStatement, S19_SaysWhichVerbOrFlagWasProbablyMeant) {
  const std::pair<const char*, const char*> kCases[] = {
      {"gte 1", "get KEY"},      {"GTE 1", "get KEY"},      {"st 1 a", "set KEY"},
      {"delete 1", "del KEY"},   {"rm 1", "del KEY"},       {"put 1 a", "set KEY"},
      {"Update 1", "cas KEY"},   {"stauts", "status?"},     {"snapshto", "snapshot?"},
      {"help stauts", "status"}, {"btach f", "batch FILE"},
  };
  for (const auto& [line, meant] : kCases) {
    EXPECT_THAT(ErrorOf(line), HasSubstr(std::string("did you mean ") + meant)) << line;
  }
  EXPECT_THAT(ErrorOf("cas 1 a --verison 1"), HasSubstr("did you mean --version?"));
  EXPECT_THAT(ErrorOf(std::string(100'000, 's')), HasSubstr("is no verb"));
}

TEST(ParseStatement, SaysWhatIsMissingOrTooMuch) {
  EXPECT_THAT(ErrorOf("frob 1"), HasSubstr("\"frob\" is no verb; there are: get set del"));
  EXPECT_THAT(ErrorOf("get"), HasSubstr("usage: get KEY"));
  EXPECT_THAT(ErrorOf("set 1"), HasSubstr("usage: set KEY DATA"));
  EXPECT_THAT(ErrorOf("set 1 two words"), HasSubstr("\"words\" is too much"));
  EXPECT_THAT(ErrorOf("cas 1 a"), HasSubstr("needs the --version"));
  EXPECT_THAT(ErrorOf("del 1 --if-revision 3"), HasSubstr("--if-revision needs --version"));
  EXPECT_THAT(ErrorOf("get 1 --version 3"), HasSubstr("get has no flag --version"));
  EXPECT_THAT(ErrorOf("del 1 --version"), HasSubstr("--version needs a value"));
  EXPECT_THAT(ErrorOf("del 1 --version 1 --version 2"), HasSubstr("given twice"));
  EXPECT_THAT(ErrorOf("help frob"), HasSubstr("is no verb"));
}

// "data with blanks needs quotes around all of it" was the answer.
TEST(ParseStatement, SaysThatAFlagOfTheProgramHasNoPlaceHere) {
  for (const char* line : {"get 36 -o raw", "get 36 --output raw", "get 36 --output=raw",
                           "-o raw get 36", "status -o json"}) {
    EXPECT_THAT(ErrorOf(line),
                HasSubstr("is a flag of the program, not of a statement: \\o plain|"))
        << line;
  }
  EXPECT_THAT(ErrorOf("get 36 --timeout 1s"),
              HasSubstr("--timeout is a flag of the program, not of a statement: give it where"));
  EXPECT_THAT(ErrorOf("set 1 a -e b:1"), HasSubstr("-e is a flag of the program"));
  EXPECT_THAT(ErrorOf("get 36 -- -o"), HasSubstr("\"-o\" is too much"));
}

}  // namespace
}  // namespace tripla::cli
