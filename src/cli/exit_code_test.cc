// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include <gtest/gtest.h>

#include "cli/error_text.h"

namespace tripla::cli {
namespace {

using absl::StatusCode;
using Applied = Failure::Applied;

constexpr std::chrono::milliseconds kSoon{20};

TEST(ExitCode, OfEachResult) {
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kSuccess)), 0);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kError)), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kNoEntry)), 4);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kWrongVersion)), 5);
}

TEST(ExitCode, OfEachFailure) {
  struct Row {
    StatusCode code;
    Applied applied;
    std::optional<std::chrono::milliseconds> retry_after;
    int exit_code;
  };
  const Row rows[] = {
      {StatusCode::kInternal, Applied::kNo, {}, 1},
      {StatusCode::kUnknown, Applied::kNo, {}, 1},
      {StatusCode::kInvalidArgument, Applied::kNo, {}, 2},
      {StatusCode::kResourceExhausted, Applied::kNo, {}, 2},  // too large
      {StatusCode::kUnavailable, Applied::kNo, {}, 6},
      {StatusCode::kDeadlineExceeded, Applied::kNo, {}, 6},
      {StatusCode::kOutOfRange, Applied::kNo, {}, 6},
      {StatusCode::kFailedPrecondition, Applied::kNo, {}, 6},
      {StatusCode::kUnimplemented, Applied::kNo, {}, 6},
      {StatusCode::kPermissionDenied, Applied::kNo, {}, 8},
      {StatusCode::kUnauthenticated, Applied::kNo, {}, 8},
      {StatusCode::kResourceExhausted, Applied::kNo, kSoon, 9},  // overloaded, or the disk is full
      {StatusCode::kDataLoss, Applied::kNo, {}, 10},
      {StatusCode::kCancelled, Applied::kNo, {}, 130},
      {StatusCode::kCancelled, Applied::kUnknown, {}, 130},
      {StatusCode::kUnavailable, Applied::kUnknown, {}, 7},
      {StatusCode::kDeadlineExceeded, Applied::kUnknown, {}, 7},
      {StatusCode::kResourceExhausted, Applied::kUnknown, kSoon, 7},
      {StatusCode::kInvalidArgument, Applied::kUnknown, {}, 7},
      {StatusCode::kInternal, Applied::kUnknown, {}, 7},
  };
  for (const Row& row : rows) {
    const Failure failure{row.code, "", row.applied, row.retry_after};
    EXPECT_EQ(static_cast<int>(ExitCodeOf(failure)), row.exit_code) << failure.ToText();
  }
}

TEST(FailureText, SaysWhatWhyWhetherAndWhatNext) {
  EXPECT_EQ(FailureText("set 1",
                        {StatusCode::kUnavailable, "gone", Applied::kNo, {}, /*connected=*/false},
                        Effect::kWrites),
            "set 1: gone; nothing was applied; check that the server runs there, or name another "
            "with --endpoints HOST:PORT");
  EXPECT_EQ(FailureText("set 1", {StatusCode::kUnavailable, "no leader", Applied::kNo, {}},
                        Effect::kWrites),
            "set 1: no leader; nothing was applied; see which are up: tripla status "
            "--endpoints HOST:PORT,... (name all servers)");
  EXPECT_EQ(FailureText("set 1", {StatusCode::kDeadlineExceeded, "late", Applied::kUnknown, {}},
                        Effect::kWrites),
            "set 1: late; it may have been applied; read the entry before you repeat it");
  EXPECT_EQ(FailureText("get 1", {StatusCode::kDeadlineExceeded, "late", Applied::kNo, {}},
                        Effect::kReads),
            "get 1: late; try again, or give it longer with --timeout");
}

TEST(FailureText, IsOneSafeLine) {
  EXPECT_EQ(
      FailureText("get 1", {StatusCode::kInvalidArgument, "a\n\x1b[1m\"b\"", Applied::kNo, {}},
                  Effect::kReads),
      R"(get 1: a\n\x1b[1m"b")");
}

}  // namespace
}  // namespace tripla::cli
