// SPDX-License-Identifier: Apache-2.0
#include "cli/batch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace tripla::cli {
namespace {

using testing::HasSubstr;

absl::StatusOr<std::vector<Operation>> Parse(std::string_view text) {
  return ParseBatch(text, "load.txt", {nullptr, [] { return 1; }});
}

TEST(Batch, ReadsOneOperationALine) {
  const auto operations = Parse("# load\nset 1 a\n\n  get 1\r\ndel 1 --version 2");
  ASSERT_TRUE(operations.ok()) << operations.status();
  ASSERT_EQ(operations->size(), 3u);
  EXPECT_TRUE(std::holds_alternative<SetOperation>((*operations)[0]));
  EXPECT_TRUE(std::holds_alternative<GetOperation>((*operations)[1]));
  EXPECT_TRUE(std::holds_alternative<DelVersionOperation>((*operations)[2]));
}

TEST(Batch, NamesTheLineThatIsWrong) {
  EXPECT_THAT(std::string(Parse("get 1\nget x\n").status().message()),
              HasSubstr("load.txt, line 2: 'x' is not a key"));
  EXPECT_THAT(std::string(Parse("status\n").status().message()),
              HasSubstr("line 1: status cannot stand in a batch"));
}

TEST(Batch, MustHoldAnOperation) {
  EXPECT_THAT(std::string(Parse("# nothing\n").status().message()), HasSubstr("no operations"));
}

TEST(Batch, HyphenIsStandardInputWhereThatIsFree) {
  std::istringstream input("get 1\nget 2\n");
  EXPECT_EQ(ReadBatchFile("-", &input)->size(), 2u);
  EXPECT_FALSE(ReadBatchFile("-", nullptr).ok());
}

}  // namespace
}  // namespace tripla::cli
