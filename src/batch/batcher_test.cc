// SPDX-License-Identifier: Apache-2.0
#include "batch/batcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "model/limits.h"

namespace tripla {
namespace {

// Holds every batch until the test releases it; answers each command with its index as revision.
class GatedLog : public Log {
 public:
  void Submit(Batch batch, DoneFn done) override {
    MutexLock lock(mutex_);
    ++arrived_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
    batch_sizes_.push_back(batch.commands.size());
    std::vector<Outcome> outcomes(batch.commands.size());
    for (Outcome& outcome : outcomes) outcome.revision = ++revision_;
    done(std::move(outcomes));
  }
  absl::Status ReleasePrefix(LogIndex, Release) override { return absl::OkStatus(); }
  Stats GetStats() const override { return {}; }
  void Stop() override {}

  void AwaitArrival() {
    MutexLock lock(mutex_);
    while (arrived_ == 0) changed_.Wait(mutex_);
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  std::vector<size_t> batch_sizes() {
    MutexLock lock(mutex_);
    return batch_sizes_;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  int arrived_ ABSL_GUARDED_BY(mutex_) = 0;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<size_t> batch_sizes_ ABSL_GUARDED_BY(mutex_);
};

// Takes all batches at once and answers the oldest when the test says so.
class PipelinedLog : public Log {
 public:
  void Submit(Batch batch, DoneFn done) override {
    MutexLock lock(mutex_);
    batch_sizes_.push_back(batch.commands.size());
    waiting_.push_back(std::move(done));
    changed_.NotifyAll();
  }
  absl::Status ReleasePrefix(LogIndex, Release) override { return absl::OkStatus(); }
  Stats GetStats() const override { return {}; }
  void Stop() override {
    while (AnswerOldest()) continue;
  }

  // The size of the batch of this number, from 0, once it is here.
  size_t AwaitBatch(size_t number) {
    MutexLock lock(mutex_);
    while (batch_sizes_.size() <= number) changed_.Wait(mutex_);
    return batch_sizes_[number];
  }
  bool AnswerOldest() {
    DoneFn done;
    size_t commands = 0;
    {
      MutexLock lock(mutex_);
      if (waiting_.empty()) return false;
      commands = batch_sizes_[batch_sizes_.size() - waiting_.size()];
      done = std::move(waiting_.front());
      waiting_.pop_front();
    }
    done(std::vector<Outcome>(commands));
    return true;
  }

 private:
  Mutex mutex_;
  Condition changed_;
  std::vector<size_t> batch_sizes_ ABSL_GUARDED_BY(mutex_);
  std::deque<DoneFn> waiting_ ABSL_GUARDED_BY(mutex_);
};

// A call of `commands` commands whose revisions, or failure, arrive in the future.
struct Waited {
  std::promise<absl::StatusOr<std::vector<uint64_t>>> promise;

  PendingWrite MakeWrite(size_t commands) {
    PendingWrite call;
    call.commands.resize(commands);
    call.done = [this](absl::StatusOr<std::span<Outcome>> outcomes) {
      if (!outcomes.ok()) return promise.set_value(outcomes.status());
      std::vector<uint64_t> revisions;
      for (const Outcome& outcome : *outcomes) revisions.push_back(outcome.revision);
      promise.set_value(revisions);
    };
    return call;
  }
  absl::StatusOr<std::vector<uint64_t>> Get() { return promise.get_future().get(); }
};

TEST(Batcher, CollectsTheNextBatchWhileOneIsBeingMadeDurable) {
  GatedLog log;
  Batcher batcher(log);
  Waited first;
  ASSERT_TRUE(batcher.Enqueue(first.MakeWrite(1)).ok());
  log.AwaitArrival();
  std::vector<Waited> more(10);
  for (Waited& waited : more) ASSERT_TRUE(batcher.Enqueue(waited.MakeWrite(3)).ok());
  log.Open();
  EXPECT_EQ(*first.Get(), std::vector<uint64_t>{1});
  for (size_t i = 0; i < more.size(); ++i) {
    EXPECT_EQ(*more[i].Get(), (std::vector<uint64_t>{3 * i + 2, 3 * i + 3, 3 * i + 4}));
  }
  EXPECT_EQ(log.batch_sizes(), (std::vector<size_t>{1, 30}));
}

TEST(Batcher, SubmitsNoBatchThinnerThanWhatTheLogHasNotAnswered) {
  PipelinedLog log;
  std::deque<Waited> calls;
  Batcher batcher(log);
  size_t submitted = 0;
  for (size_t batch = 0; submitted < limits::kLogBatchCommandsMax; ++batch) {
    const size_t expected = std::max<size_t>(submitted, 1);
    for (size_t i = 0; i < expected; ++i) {
      ASSERT_TRUE(batcher.Enqueue(calls.emplace_back().MakeWrite(1)).ok());
    }
    ASSERT_EQ(log.AwaitBatch(batch), expected);
    submitted += expected;
  }
  log.Stop();
  for (Waited& waited : calls) EXPECT_TRUE(waited.Get().ok());
}

TEST(Batcher, SubmitsAThinBatchOnceTheLogHasAnsweredWhatItHad) {
  PipelinedLog log;
  Waited fat, thin;
  Batcher batcher(log);
  ASSERT_TRUE(batcher.Enqueue(fat.MakeWrite(100)).ok());
  ASSERT_EQ(log.AwaitBatch(0), 100);
  ASSERT_TRUE(batcher.Enqueue(thin.MakeWrite(1)).ok());
  log.AnswerOldest();
  EXPECT_EQ(log.AwaitBatch(1), 1);
  log.Stop();
}

TEST(Batcher, SubmitsAFullBatchWhateverTheLogHasNotAnswered) {
  PipelinedLog log;
  Waited largest, full;
  Batcher batcher(log);
  ASSERT_TRUE(batcher.Enqueue(largest.MakeWrite(limits::kBatchOperationsMax)).ok());
  ASSERT_EQ(log.AwaitBatch(0), limits::kBatchOperationsMax);
  ASSERT_TRUE(batcher.Enqueue(full.MakeWrite(limits::kLogBatchCommandsMax)).ok());
  EXPECT_EQ(log.AwaitBatch(1), limits::kLogBatchCommandsMax);
  log.Stop();
}

TEST(Batcher, C10_AWriteThatIsTooLargeForABatchSharesItWithNoOther) {
  GatedLog log;
  Batcher batcher(log);
  Waited first, small, large, other;
  ASSERT_TRUE(batcher.Enqueue(first.MakeWrite(1)).ok());
  log.AwaitArrival();
  PendingWrite too_large = large.MakeWrite(2);
  too_large.commands[0].data = std::string(limits::kLogBatchBytesMax, 'x');
  ASSERT_TRUE(batcher.Enqueue(small.MakeWrite(3)).ok());
  ASSERT_TRUE(batcher.Enqueue(std::move(too_large)).ok());
  ASSERT_TRUE(batcher.Enqueue(other.MakeWrite(4)).ok());
  log.Open();
  for (Waited* each : {&first, &small, &large, &other}) EXPECT_TRUE(each->Get().ok());
  EXPECT_EQ(log.batch_sizes(), (std::vector<size_t>{1, 3, 2, 4}));
}

TEST(Batcher, RefusesWhenItsQueueIsFullAndRecovers) {
  GatedLog log;
  Batcher batcher(log);
  Waited first, filling, refused, after;
  ASSERT_TRUE(batcher.Enqueue(first.MakeWrite(1)).ok());
  log.AwaitArrival();
  ASSERT_TRUE(batcher.Enqueue(filling.MakeWrite(limits::kQueueCommandsMax)).ok());
  EXPECT_EQ(batcher.Enqueue(refused.MakeWrite(1)).code(), absl::StatusCode::kResourceExhausted);
  log.Open();
  EXPECT_TRUE(filling.Get().ok());
  ASSERT_TRUE(batcher.Enqueue(after.MakeWrite(1)).ok());
  EXPECT_TRUE(after.Get().ok());
}

TEST(Batcher, DropsWorkWhoseDeadlinePassedBeforeItIsLogged) {
  GatedLog log;
  Batcher batcher(log);
  Waited expired, live;
  PendingWrite call = expired.MakeWrite(1);
  call.deadline = std::chrono::steady_clock::now();
  log.Open();
  ASSERT_TRUE(batcher.Enqueue(std::move(call)).ok());
  EXPECT_EQ(expired.Get().status().code(), absl::StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(batcher.Enqueue(live.MakeWrite(1)).ok());
  EXPECT_TRUE(live.Get().ok());
  EXPECT_EQ(log.batch_sizes(), std::vector<size_t>{1});
}

TEST(Batcher, AnswersWhatItTookBeforeItStops) {
  GatedLog log;
  Batcher batcher(log);
  std::vector<Waited> calls(100);
  for (Waited& waited : calls) ASSERT_TRUE(batcher.Enqueue(waited.MakeWrite(1)).ok());
  log.Open();
  batcher.Stop();
  for (Waited& waited : calls) EXPECT_TRUE(waited.Get().ok());
  EXPECT_EQ(batcher.Enqueue(Waited().MakeWrite(1)).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tripla
