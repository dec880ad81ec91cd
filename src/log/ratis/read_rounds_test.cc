// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/read_rounds.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "model/limits.h"

namespace tripla {
namespace {

TEST(ReadRounds, OneQuestionServesAllWhoWaitedWhenItWasAsked) {
  std::vector<ReadRounds::AnswerFn> questions;
  ReadRounds rounds([&](ReadRounds::AnswerFn answer) { questions.push_back(std::move(answer)); });
  std::vector<LogIndex> answers;
  const auto await = [&] {
    rounds.Await([&](const absl::StatusOr<LogIndex>& index) { answers.push_back(*index); });
  };
  await();
  ASSERT_EQ(questions.size(), 1u);
  await();
  await();
  ASSERT_EQ(questions.size(), 1u);  // those who came later wait for the next
  questions[0](LogIndex{5});
  EXPECT_EQ(answers, std::vector<LogIndex>({5}));
  ASSERT_EQ(questions.size(), 2u);
  questions[1](LogIndex{6});
  EXPECT_EQ(answers, std::vector<LogIndex>({5, 6, 6}));
  EXPECT_EQ(questions.size(), 2u);
  await();
  EXPECT_EQ(questions.size(), 3u);
}

TEST(ReadRounds, R14_SoManyWaitAndNoMore) {
  std::vector<ReadRounds::AnswerFn> questions;
  ReadRounds rounds([&](ReadRounds::AnswerFn answer) { questions.push_back(std::move(answer)); });
  size_t served = 0;
  size_t refused = 0;
  const auto await = [&] {
    rounds.Await([&](const absl::StatusOr<LogIndex>& index) {
      index.ok() ? ++served : ++refused;
      EXPECT_TRUE(index.ok() || absl::IsResourceExhausted(index.status())) << index.status();
    });
  };
  await();  // the question is under way for this one
  for (size_t i = 0; i < limits::kWaitingReadsMax + 2; ++i) await();
  EXPECT_EQ(refused, 2u);
  questions[0](LogIndex{5});
  questions[1](LogIndex{6});
  EXPECT_EQ(served, limits::kWaitingReadsMax + 1);
}

TEST(ReadRounds, AStopSendsAllAwayAndALateAnswerHarmsNothing) {
  std::vector<ReadRounds::AnswerFn> questions;
  ReadRounds rounds([&](ReadRounds::AnswerFn answer) { questions.push_back(std::move(answer)); });
  int sent_away = 0;
  const auto await = [&] {
    rounds.Await([&](const absl::StatusOr<LogIndex>& index) { sent_away += index.ok() ? 0 : 1; });
  };
  await();
  await();
  rounds.Stop();
  EXPECT_EQ(sent_away, 2);
  await();
  EXPECT_EQ(sent_away, 3);
  questions[0](LogIndex{5});
  EXPECT_EQ(sent_away, 3);
  EXPECT_EQ(questions.size(), 1u);
}

TEST(ReadRounds, AnErrorReachesAllWhoWaited) {
  std::vector<ReadRounds::AnswerFn> questions;
  ReadRounds rounds([&](ReadRounds::AnswerFn answer) { questions.push_back(std::move(answer)); });
  absl::Status status;
  rounds.Await([&](const absl::StatusOr<LogIndex>& index) { status = index.status(); });
  questions[0](absl::UnavailableError("no leader"));
  EXPECT_TRUE(absl::IsUnavailable(status));
}

TEST(ReadRounds, AnswersAtOnceAreNotStackedUp) {
  LogIndex next = 0;
  ReadRounds rounds([&](const ReadRounds::AnswerFn& answer) { answer(++next); });
  int left = 1'000'000;
  ReadRounds::AnswerFn again = [&](const absl::StatusOr<LogIndex>&) {
    if (--left > 0) rounds.Await(again);
  };
  rounds.Await(again);
  EXPECT_EQ(left, 0);
}

TEST(ReadRounds, EverybodyIsAnsweredByAQuestionAskedAfterHeCame) {
  constexpr int kThreads = 4, kReads = 5'000;
  std::atomic<LogIndex> now{0};
  std::atomic<int> answered{0};
  ReadRounds rounds([&](const ReadRounds::AnswerFn& answer) { answer(++now); });
  std::vector<std::thread> readers;
  for (int i = 0; i < kThreads; ++i) {
    readers.emplace_back([&] {
      for (int read = 0; read < kReads; ++read) {
        rounds.Await([&, came = now.load()](const absl::StatusOr<LogIndex>& index) {
          EXPECT_GT(*index, came);
          ++answered;
        });
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(answered, kThreads * kReads);
}

}  // namespace
}  // namespace tripla
