// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_code.h"

#include <gtest/gtest.h>

#include "cli/error_text.h"

namespace tripla::cli {
namespace {

using absl::StatusCode;
using Applied = Failure::Applied;
using Reason = Failure::Reason;

constexpr std::chrono::milliseconds kSoon{20};

TEST(ExitCode, OfEachResult) {
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kSuccess)), 0);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kError)), 3);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kNoEntry)), 4);
  EXPECT_EQ(static_cast<int>(ExitCodeOf(Result::kWrongVersion)), 5);
}

// The code, whether it was applied, the reason, the advice to come back.
struct FailureRow {
  StatusCode code;
  Applied applied;
  Reason reason;
  std::optional<std::chrono::milliseconds> retry_after;
  int exit_code;
};

TEST(ExitCode, OfEachFailure) {
  const FailureRow rows[] = {
      {StatusCode::kInternal, Applied::kNo, Reason::kNone, {}, 1},
      {StatusCode::kUnknown, Applied::kNo, Reason::kNone, {}, 1},
      {StatusCode::kInvalidArgument, Applied::kNo, Reason::kNone, {}, 2},
      {StatusCode::kUnavailable, Applied::kNo, Reason::kNone, {}, 6},
      {StatusCode::kDeadlineExceeded, Applied::kNo, Reason::kNone, {}, 6},
      {StatusCode::kOutOfRange, Applied::kNo, Reason::kNone, {}, 6},
      {StatusCode::kFailedPrecondition, Applied::kNo, Reason::kNone, {}, 6},
      {StatusCode::kUnimplemented, Applied::kNo, Reason::kNone, {}, 6},
      {StatusCode::kPermissionDenied, Applied::kNo, Reason::kNone, {}, 8},
      {StatusCode::kUnauthenticated, Applied::kNo, Reason::kNone, {}, 8},
      {StatusCode::kDataLoss, Applied::kNo, Reason::kNone, {}, 10},
      {StatusCode::kCancelled, Applied::kNo, Reason::kNone, {}, 130},
      {StatusCode::kCancelled, Applied::kUnknown, Reason::kNone, {}, 130},
      {StatusCode::kUnavailable, Applied::kUnknown, Reason::kNone, {}, 7},
      {StatusCode::kDeadlineExceeded, Applied::kUnknown, Reason::kNone, {}, 7},
      {StatusCode::kInvalidArgument, Applied::kUnknown, Reason::kNone, {}, 7},
      {StatusCode::kInternal, Applied::kUnknown, Reason::kNone, {}, 7},
      {StatusCode::kOutOfRange, Applied::kYes, Reason::kTooLarge, {}, 7},
  };
  for (const FailureRow& row : rows) {
    const Failure failure{.code = row.code,
                          .applied = row.applied,
                          .retry_after = row.retry_after,
                          .reason = row.reason};
    EXPECT_EQ(static_cast<int>(ExitCodeOf(failure)), row.exit_code) << failure.ToText();
  }
}

TEST(ExitCode, S9_WantOfRoomIsToldApartByItsReason) {
  constexpr auto kExhausted = StatusCode::kResourceExhausted;
  const FailureRow rows[] = {
      {kExhausted, Applied::kNo, Reason::kTooLarge, {}, 2},
      {kExhausted, Applied::kNo, Reason::kTooLarge, kSoon, 2},
      {kExhausted, Applied::kNo, Reason::kOverloaded, {}, 9},
      {kExhausted, Applied::kNo, Reason::kOverloaded, kSoon, 9},
      {kExhausted, Applied::kNo, Reason::kReadOnly, {}, 9},
      {kExhausted, Applied::kNo, Reason::kReadOnly, kSoon, 9},
      {kExhausted, Applied::kNo, Reason::kNone, {}, 2},  // a server that gives no reason
      {kExhausted, Applied::kNo, Reason::kNone, kSoon, 9},
      {kExhausted, Applied::kUnknown, Reason::kOverloaded, kSoon, 7},
  };
  for (const FailureRow& row : rows) {
    const Failure failure{.code = row.code,
                          .applied = row.applied,
                          .retry_after = row.retry_after,
                          .reason = row.reason};
    EXPECT_EQ(static_cast<int>(ExitCodeOf(failure)), row.exit_code) << failure.ToText();
  }
}

TEST(ExitCode, S20_OfStatusCanBeAlarmedOn) {
  const ServerStatus sound{.writable = true, .ready = true};
  const ServerStatus full{.writable = false, .ready = true};
  ServerStatus small_writes_only = sound;
  small_writes_only.data_bytes_max = 100;
  small_writes_only.write_bytes_max = 99;
  ServerStatus roomy = small_writes_only;
  roomy.write_bytes_max = 100;
  const ServerStatus waits{.writable = true, .ready = false};
  const Failure down{.code = StatusCode::kUnavailable, .applied = Applied::kNo};
  const Failure foreign{.code = StatusCode::kPermissionDenied, .applied = Applied::kNo};
  const auto code = [](std::vector<EndpointStatus> servers) {
    return static_cast<int>(ExitCodeOf(servers));
  };
  EXPECT_EQ(code({{"a:1", sound}}), 0);
  EXPECT_EQ(code({{"a:1", sound}, {"b:1", sound}}), 0);
  EXPECT_EQ(code({{"a:1", sound}, {"b:1", down}}), 6);
  EXPECT_EQ(code({{"a:1", waits}}), 6);
  EXPECT_EQ(code({{"a:1", full}, {"b:1", waits}}), 6);
  EXPECT_EQ(code({{"a:1", full}, {"b:1", sound}}), 9);
  EXPECT_EQ(code({{"a:1", full}}), 9);
  EXPECT_EQ(code({{"a:1", small_writes_only}}), 9);
  EXPECT_EQ(code({{"a:1", roomy}}), 0);
  EXPECT_EQ(code({{"a:1", down}}), 6);
  EXPECT_EQ(code({{"a:1", foreign}}), 8);
}

TEST(ExitCode, S21_OfAnOutcomeIsThatOfTheWrite) {
  const auto code = [](Resolved resolved) { return static_cast<int>(ExitCodeOf(resolved)); };
  using Kind = Resolved::Kind;
  EXPECT_EQ(code({Kind::kDecided, Decided{.result = Result::kSuccess}}), 0);
  EXPECT_EQ(code({Kind::kDecided, Decided{.result = Result::kError}}), 3);
  EXPECT_EQ(code({Kind::kDecided, Decided{.result = Result::kNoEntry}}), 4);
  EXPECT_EQ(code({Kind::kDecided, Decided{.result = Result::kWrongVersion}}), 5);
  EXPECT_EQ(code({Kind::kDecided, std::nullopt}), 0);
  EXPECT_EQ(code({Kind::kNotApplied, std::nullopt}), 6);
  EXPECT_EQ(code({Kind::kForgotten, std::nullopt}), 7);
}

TEST(FailureText, S9_AdviceFitsTheReason) {
  const auto text = [](Reason reason) {
    return FailureText("set 1",
                       {.code = StatusCode::kResourceExhausted,
                        .message = "no room",
                        .applied = Applied::kNo,
                        .reason = reason},
                       Effect::kWrites);
  };
  EXPECT_EQ(text(Reason::kTooLarge),
            "set 1: no room; nothing was applied; the status verb shows the server's limits");
  EXPECT_EQ(text(Reason::kOverloaded), "set 1: no room; nothing was applied; try again later");
  EXPECT_EQ(text(Reason::kReadOnly),
            "set 1: no room; nothing was applied; try again once the server can write");
}

TEST(FailureText, S21_AWriteInDoubtNamesItsRequest) {
  Failure failure{.code = StatusCode::kDeadlineExceeded,
                  .message = "late",
                  .applied = Applied::kUnknown,
                  .request = "0a1b-7"};
  EXPECT_EQ(
      FailureText("set 1", failure, Effect::kWrites),
      "set 1: late; it may have been applied; before you repeat it, find out with: tripla outcome "
      "0a1b-7");
  failure.applied = Applied::kYes;
  EXPECT_EQ(FailureText("set 1", failure, Effect::kWrites),
            "set 1: late; it was applied, and only its answer is missing; before you repeat it, "
            "find out with: tripla outcome 0a1b-7");
  failure.code = StatusCode::kCancelled;
  failure.applied = Applied::kUnknown;
  EXPECT_EQ(FailureText("set 1", failure, Effect::kWrites),
            "set 1: interrupted; it may have been applied; before you repeat it, find out with: "
            "tripla outcome 0a1b-7");
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
