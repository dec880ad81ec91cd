// SPDX-License-Identifier: Apache-2.0
#include "rpc/frame_guard.h"

#include <gtest/gtest.h>

#include <string>

namespace tripla::rpc {
namespace {

using std::string_literals::operator""s;
using Clock = FrameGuard::Clock;
using std::chrono::seconds;

constexpr char kData = 0;
constexpr char kHeaders = 1;
constexpr char kPriority = 2;
constexpr char kRstStream = 3;
constexpr char kSettings = 4;
constexpr char kPing = 6;
constexpr char kWindowUpdate = 8;
constexpr char kContinuation = 9;
constexpr char kUnknown = 99;

const std::string kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string Frame(char type, char flags, char stream, const std::string& body) {
  const auto size = static_cast<uint32_t>(body.size());
  return {std::string{static_cast<char>(size >> 16), static_cast<char>(size >> 8),
                      static_cast<char>(size), type, flags, 0, 0, 0, stream} +
          body};
}

class Guard : public testing::Test {
 protected:
  Guard() { EXPECT_TRUE(Read(kPreface).ok()); }

  absl::Status Read(const std::string& bytes) {
    return guard_.Read(bytes, now_, [this](std::string_view part) {
      passed_ += part;
      return true;
    });
  }
  // How many of these the guard takes at once; it is at its end then.
  int Taken(const std::string& frame) {
    int taken = 0;
    while (taken < 100'000 && Read(frame).ok()) ++taken;
    return taken;
  }

  Clock::time_point now_ = Clock::now();
  FrameGuard guard_{now_};
  std::string passed_;
};

TEST_F(Guard, WhatItHandsOnIsWhatArrivedHoweverItWasCut) {
  const std::string all = Frame(kHeaders, 4, 1, std::string(300, 'h')) + Frame(kData, 0, 1, "abc") +
                          Frame(kPing, 0, 0, "12345678") + Frame(kData, 1, 1, "");
  for (size_t piece = 1; piece < all.size(); ++piece) {
    FrameGuard guard(now_);
    std::string passed;
    const std::string sent = kPreface + all;
    for (size_t at = 0; at < sent.size(); at += piece) {
      ASSERT_TRUE(guard
                      .Read(sent.substr(at, piece), now_,
                            [&](std::string_view part) {
                              passed += part;
                              return true;
                            })
                      .ok());
    }
    ASSERT_EQ(passed, sent) << "in pieces of " << piece;
  }
}

TEST_F(Guard, AResetOfAStreamThatWasNeverOpenedIsDroppedHoweverItWasCut) {
  const std::string reset = Frame(kRstStream, 0, 5, "\0\0\0\x08"s);
  const std::string before = Frame(kHeaders, 5, 3, "h") + Frame(kRstStream, 0, 3, "\0\0\0\x08"s);
  const std::string behind = Frame(kHeaders, 5, 7, "h");
  const std::string sent = kPreface + before + reset + behind;
  for (size_t piece = 1; piece <= sent.size(); ++piece) {
    FrameGuard guard(now_);
    std::string passed;
    for (size_t at = 0; at < sent.size(); at += piece) {
      ASSERT_TRUE(guard
                      .Read(sent.substr(at, piece), now_,
                            [&](std::string_view part) {
                              passed += part;
                              return true;
                            })
                      .ok());
    }
    ASSERT_EQ(passed, kPreface + before + behind) << "in pieces of " << piece;
  }
}

TEST_F(Guard, AResetOfAWrongLengthIsLeftToNghttp2) {
  passed_.clear();
  const std::string wrong = Frame(kRstStream, 0, 5, "\0\0\0"s);
  EXPECT_TRUE(Read(wrong).ok());
  EXPECT_EQ(passed_, wrong);
}

TEST_F(Guard, EachKindOfFrameThatAsksForNothingHasABound) {
  for (const std::string& frame :
       {Frame(kPing, 0, 0, "12345678"), Frame(kPriority, 0, 1, "12345"),
        Frame(kWindowUpdate, 0, 0, "1234"), Frame(kData, 0, 1, ""), Frame(kUnknown, 0, 1, "abc"),
        Frame(kData, 8, 1, "\3\0\0\0"s), Frame(kRstStream, 0, 5, "1234")}) {
    guard_ = FrameGuard(now_);
    EXPECT_TRUE(Read(kPreface).ok());
    EXPECT_EQ(Taken(frame), FrameGuard::kCreditMax);
  }
  guard_ = FrameGuard(now_);
  EXPECT_TRUE(Read(kPreface).ok());
  EXPECT_EQ(Taken(Frame(kSettings, 0, 0, "")), FrameGuard::kCreditMax / FrameGuard::kSettingsCost);
}

TEST_F(Guard, TimeBringsCreditUpToItsBound) {
  const std::string ping = Frame(kPing, 0, 0, "12345678");
  for (int i = 0; i < FrameGuard::kCreditMax; ++i) ASSERT_TRUE(Read(ping).ok());
  now_ += seconds(1);
  for (int i = 0; i < FrameGuard::kCreditPerSecond; ++i) ASSERT_TRUE(Read(ping).ok());
  now_ += seconds(100'000);
  EXPECT_EQ(Taken(ping), FrameGuard::kCreditMax);
}

TEST_F(Guard, RequestsAndAnswersEarnTheUpdatesThatBelongToThem) {
  const std::string call = Frame(kHeaders, 4, 1, "h") + Frame(kWindowUpdate, 0, 1, "1234") +
                           Frame(kPing, 0, 0, "12345678");
  EXPECT_EQ(Taken(call), 100'000);
  for (int i = 0; i < 100'000; ++i) {
    guard_.EarnBySending();
    ASSERT_TRUE(Read(Frame(kWindowUpdate, 0, 1, "1234")).ok());
  }
}

TEST_F(Guard, AHeaderBlockHasABoundInAll) {
  const std::string part = Frame(kContinuation, 0, 1, std::string(1 << 14, 'h'));
  EXPECT_TRUE(Read(Frame(kHeaders, 0, 1, "h")).ok());
  EXPECT_TRUE(Read(part + part + part).ok());
  EXPECT_FALSE(Read(part).ok());
}

TEST_F(Guard, EachHeaderBlockBeginsAnew) {
  const std::string part = Frame(kContinuation, 4, 1, std::string(1 << 14, 'h'));
  for (char stream = 1; stream < 101; stream += 2) {
    EXPECT_TRUE(Read(Frame(kHeaders, 0, stream, "h") + part + part + part).ok());
  }
}

TEST_F(Guard, NothingComesBehindTheEndThatTheClientGave) {
  for (const std::string& end : {Frame(kData, 1, 1, "abc"), Frame(kRstStream, 0, 1, "1234")}) {
    for (const std::string& behind : {Frame(kData, 0, 1, "abc"), Frame(kHeaders, 4, 1, "h")}) {
      guard_ = FrameGuard(now_);
      EXPECT_TRUE(Read(kPreface + Frame(kHeaders, 4, 1, "h") + end).ok());
      EXPECT_TRUE(Read(Frame(kWindowUpdate, 0, 1, "1234")).ok());
      EXPECT_TRUE(absl::IsFailedPrecondition(Read(behind)));
    }
  }
}

TEST_F(Guard, PriorityOfStreamZeroCannotBe) {
  EXPECT_TRUE(absl::IsInvalidArgument(Read(Frame(kPriority, 0, 0, "12345"))));
}

TEST_F(Guard, ItTellsHowMuchWorkBroughtNothing) {
  const std::string ping = Frame(kPing, 0, 0, "12345678");
  EXPECT_TRUE(Read(ping + ping + Frame(kHeaders, 4, 1, "h")).ok());
  EXPECT_EQ(guard_.idle_work(), 3);
  EXPECT_TRUE(Read(Frame(kHeaders, 4, 3, "h") + Frame(kData, 1, 3, "abc")).ok());
  EXPECT_EQ(guard_.idle_work(), 0);
}

}  // namespace
}  // namespace tripla::rpc
