// SPDX-License-Identifier: Apache-2.0
// Disks of a cluster that others fill to the last byte, or that its own clients fill (C7): no
// server ends, reads go on, writes are refused and surely not applied where no majority has room,
// and all resumes without a restart.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/harness/dose.h"
#include "tests/harness/small_disk.h"
#include "tests/harness/test_cluster.h"
#include "tripla/client.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr seconds kRefusedWithin{10};

// Writes keys of its own to one server after the other, each once, until it ends.
class Load {
 public:
  Load(TestCluster& cluster, int first_key, size_t data_bytes)
      : cluster_(cluster), data_(data_bytes, 'x'), next_(first_key), thread_([this] { Run(); }) {}
  ~Load() { Stop(); }

  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

  // After Stop().
  void ExpectAsAnswered() {
    Client client({.endpoints = cluster_.endpoints(), .deadline = seconds(20)});
    for (const int key : taken_) {
      const Answer<Decided> got = client.Get(*Key::Parse(std::to_string(key)));
      ASSERT_TRUE(got.ok()) << key << ": " << got.failure().message;
      ASSERT_EQ(got->result, Result::kSuccess) << "an acknowledged write is not there: " << key;
    }
    for (const int key : refused_) {
      const Answer<Decided> got = client.Get(*Key::Parse(std::to_string(key)));
      ASSERT_TRUE(got.ok()) << key << ": " << got.failure().message;
      ASSERT_EQ(got->result, Result::kError) << "a refused write happened all the same: " << key;
    }
    std::cout << taken_.size() << " taken, " << refused_.size() << " refused, " << unknown_
              << " unknown\n";
  }

 private:
  void Run() {
    for (; !stop_; ++next_) {
      const CallAnswer answer =
          Set(cluster_.stub(next_ % cluster_.size()), std::to_string(next_), 0, data_);
      if (answer.status.ok()) {
        taken_.push_back(next_);
      } else if (answer.applied() == v1::Undecided::NO) {
        refused_.push_back(next_);
      } else {
        ++unknown_;
      }
      std::this_thread::sleep_for(milliseconds(5));  // it shall not fill the disks itself
    }
  }

  TestCluster& cluster_;
  const std::string data_;
  int next_;
  std::vector<int> taken_;
  std::vector<int> refused_;
  int unknown_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

class FullDisks : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    for (int i = 0; i < GetParam(); ++i) {
      disks_.push_back(std::make_unique<SmallDisk>(DiskBytes()));
      ASSERT_TRUE(disks_[i]->mounted()) << disks_[i]->why_not();
      std::filesystem::create_directory(disks_[i]->path() + "/data");
      std::filesystem::create_directory_symlink(disks_[i]->path() + "/data",
                                                directory_.path() + "/n" + std::to_string(i + 1));
    }
    cluster_ = std::make_unique<TestCluster>(directory_.path(), std::vector<std::string>{},
                                             std::vector<TestCluster::Place>(GetParam()));
  }

  void TearDown() override {
    for (int i = 0; HasFailure() && cluster_ != nullptr && i < GetParam(); ++i) {
      if (!cluster_->Runs(i)) continue;  // what it has said is forgotten
      std::cout << "n" << i + 1 << ":\n"
                << cluster_->process(i).output() << cluster_->Status(i).ShortDebugString() << "\n";
    }
  }

  virtual uint64_t DiskBytes() const { return 64 * kMiB; }

  // The leader, if `with_leader`, and followers, together `count`.
  std::vector<int> Choose(bool with_leader, int count) {
    const int leader = cluster_->AwaitLeader();
    std::vector<int> chosen;
    if (with_leader) chosen.push_back(leader);
    for (int i = 0; static_cast<int>(chosen.size()) < count; ++i) {
      if (i != leader) chosen.push_back(i);
    }
    return chosen;
  }

  // Fills these disks, and empties them when `hold` has passed.
  void FillAndDrain(bool with_leader, int count) {
    SCOPED_TRACE(std::to_string(count) + (with_leader ? " with the leader" : " followers"));
    const uint64_t term = cluster_->Status(cluster_->AwaitLeader()).term();
    const std::vector<int> full = Choose(with_leader, count);
    const bool majority_has_room = GetParam() - count > GetParam() / 2;
    for (const int i : full) disks_[i]->Fill(0);
    if (!majority_has_room) {
      ASSERT_NO_FATAL_FAILURE(AwaitRefusal(full));
    }
    const auto end = std::chrono::steady_clock::now() + (LongDose() ? seconds(60) : seconds(1));
    while (std::chrono::steady_clock::now() < end) {
      ASSERT_NO_FATAL_FAILURE(ExpectReads());
      majority_has_room ? ExpectWritten() : ExpectRefused();
      if (HasFatalFailure()) return;
      std::this_thread::sleep_for(milliseconds(5));  // it shall not fill the disks itself
    }
    for (int i = 0; i < GetParam(); ++i) {
      ASSERT_FALSE(cluster_->Status(i).node().empty()) << "n" << i + 1 << " has ended";
    }
    if (!majority_has_room || !with_leader) {
      EXPECT_EQ(cluster_->Status(cluster_->AwaitLeader()).term(), term)
          << "there was an election for nothing";
    }
    for (const int i : full) disks_[i]->Drain();
    ASSERT_NO_FATAL_FAILURE(ExpectWritten());
  }

  // Until then a write may wait for room. The leader says whose disks are full.
  void AwaitRefusal(const std::vector<int>& full) {
    std::string why;
    AwaitTrue(
        [&] {
          const v1::StatusReply status = cluster_->Status(cluster_->AwaitLeader());
          why = status.write_refusal();
          return !status.writable() && std::ranges::all_of(full, [&](int i) {
            return why.find("n" + std::to_string(i + 1) + " has none (") != std::string::npos;
          });
        },
        [&] { return "the leader does not refuse writes, or does not say why: " + why; });
  }

  void ExpectReads() {
    const Answer<Decided> got = client().Get(*Key::Parse("1"));
    ASSERT_TRUE(got.ok()) << got.failure().message;
    ASSERT_EQ(got->result, Result::kSuccess);
  }

  void ExpectWritten() {
    const Answer<Decided> set = client().Set(*Key::Parse(std::to_string(next_++)), 0, "w");
    ASSERT_TRUE(set.ok()) << set.failure().message;
  }

  void ExpectRefused() {
    const auto begun = std::chrono::steady_clock::now();
    const int leader = cluster_->AwaitLeader();
    const CallAnswer answer = Set(cluster_->stub(leader), std::to_string(next_++), 0, "r");
    ASSERT_EQ(answer.status.error_code(), grpc::RESOURCE_EXHAUSTED)
        << answer.status.error_message();
    ASSERT_EQ(answer.applied(), v1::Undecided::NO);
    ASSERT_LT(std::chrono::steady_clock::now() - begun, kRefusedWithin);
  }

  Client& client() {
    if (client_ == nullptr) {
      client_ = std::make_unique<Client>(
          ClientOptions{.endpoints = cluster_->endpoints(), .deadline = seconds(60)});
    }
    return *client_;
  }

  TemporaryDirectory directory_;
  std::vector<std::unique_ptr<SmallDisk>> disks_;
  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Client> client_;
  int next_ = 1;
};

INSTANTIATE_TEST_SUITE_P(C7, FullDisks, testing::Values(3, 5), testing::PrintToStringParamName());

TEST_P(FullDisks, C7_HealWhoeverHasThem) {
  ASSERT_NO_FATAL_FAILURE(ExpectWritten());
  Load load(*cluster_, 1'000'000, 1000);
  Load other_load(*cluster_, 2'000'000, 1000);
  const int most = GetParam() / 2;  // a majority is left
  for (const bool with_leader : {false, true}) {
    ASSERT_NO_FATAL_FAILURE(FillAndDrain(with_leader, most));
    ASSERT_NO_FATAL_FAILURE(FillAndDrain(with_leader, most + 1));
  }
  ASSERT_NO_FATAL_FAILURE(FillAndDrain(true, GetParam()));
  load.Stop();
  other_load.Stop();
  cluster_->AwaitSameState();
  load.ExpectAsAnswered();
  other_load.ExpectAsAnswered();
}

// Each write needs more room than the log has made before; the leader's disk is full first.
TEST_P(FullDisks, C7_WritesUnderWayWaitForRoom) {
  Load load(*cluster_, 1'000'000, 1'500'000);
  Load other_load(*cluster_, 2'000'000, 1'500'000);
  AwaitTrue([&] { return cluster_->Status(0).revision() >= 4; }, [] { return "no write"; });
  const std::vector<int> all = Choose(/*with_leader=*/true, GetParam());
  for (const int i : all) disks_[i]->Fill(0);
  ASSERT_NO_FATAL_FAILURE(AwaitRefusal(all));
  for (const auto& disk : disks_) disk->Drain();
  load.Stop();  // it would fill the disks itself
  other_load.Stop();
  ASSERT_NO_FATAL_FAILURE(ExpectWritten());
  cluster_->AwaitSameState();
  load.ExpectAsAnswered();
  other_load.ExpectAsAnswered();
}

// A leader that ends while no disk has room has a successor that cannot begin.
class NobodyCanBegin : public FullDisks {
 protected:
  // The servers but `ended` say why none of them is ready.
  void AwaitReason(int ended) {
    std::string said;
    AwaitTrue(
        [&] {
          said.clear();
          bool elected = false;
          bool all = true;
          for (int i = 0; i < GetParam(); ++i) {
            if (i == ended) continue;
            const v1::StatusReply status = cluster_->Status(i);
            said += status.not_ready() + "\n" + status.write_refusal() + "\n";
            elected = elected || status.write_refusal().find(kElected) != std::string::npos;
            all = all && status.not_ready().find(kElected) != std::string::npos;
          }
          return elected && all;
        },
        [&] { return "they do not say why no write is taken: " + said; });
  }

  // How often a server has printed as an error that it cannot begin.
  int CountOfErrors(int number) {
    std::istringstream output(cluster_->process(number).output());
    int count = 0;
    for (std::string line; std::getline(output, line);) {
      const bool is_error = line.find("error") < line.find(kElected);
      count += is_error && line.find(kElected) != std::string::npos ? 1 : 0;
    }
    return count;
  }

  static constexpr char kElected[] = "is elected and leads once the first record of its term";
};

INSTANTIATE_TEST_SUITE_P(C7, NobodyCanBegin, testing::Values(3));

TEST_P(NobodyCanBegin, C7_SaysWhyAndRefusesAndBeginsOnceThereIsRoom) {
  ASSERT_NO_FATAL_FAILURE(ExpectWritten());
  v1::SetRequest decided;
  decided.set_key(KeyBytes("77"));
  decided.set_data("before");
  decided.mutable_request_id()->set_client("0123456789abcdef");
  decided.mutable_request_id()->set_sequence(1);
  decided.mutable_request_id()->set_attempt(1);
  const int leader = cluster_->AwaitLeader();
  ASSERT_TRUE(Send(cluster_->stub(leader), &v1::KeyValue::Stub::Set, decided).status.ok());
  cluster_->AwaitSameState();
  const std::vector<int> all = Choose(/*with_leader=*/true, GetParam());
  for (const int i : all) disks_[i]->Fill(0);
  ASSERT_NO_FATAL_FAILURE(AwaitRefusal(all));
  cluster_->Kill(leader);
  ASSERT_NO_FATAL_FAILURE(AwaitReason(leader));
  for (const int i : all) {
    if (i == leader) continue;
    const CallAnswer set = Set(cluster_->stub(i), "78", 0, "r");
    EXPECT_EQ(set.status.error_code(), grpc::RESOURCE_EXHAUSTED) << set.status.error_message();
    EXPECT_EQ(set.applied(), v1::Undecided::NO);
    EXPECT_NE(set.status.error_message().find(kElected), std::string::npos);
    const CallAnswer get = Get(cluster_->stub(i), "77");
    EXPECT_EQ(get.status.error_code(), grpc::UNAVAILABLE);
    EXPECT_NE(get.status.error_message().find(kElected), std::string::npos)
        << get.status.error_message();
    // What was decided before is known.
    const CallAnswer again = Send(cluster_->stub(i), &v1::KeyValue::Stub::Set, decided);
    EXPECT_TRUE(again.status.ok()) << again.status.error_message();
    EXPECT_TRUE(again.reply.replayed());
    EXPECT_LE(CountOfErrors(i), 1) << "it is said once: " << cluster_->process(i).output();
  }
  for (const int i : all) disks_[i]->Drain();
  ASSERT_NO_FATAL_FAILURE(ExpectWritten());
  cluster_->BringBack(leader);
  cluster_->AwaitSameState();
}

// As FullDiskHeals, which is one server.
class FilledByClients : public FullDisks {
 protected:
  uint64_t DiskBytes() const override { return 40 * kMiB; }

  // Sets keys until one is refused.
  void Fill() {
    const std::string data(100'000, 'v');
    while (true) {
      const CallAnswer answer =
          Set(cluster_->stub(cluster_->AwaitLeader()), std::to_string(last_ + 1), 0, data);
      if (!answer.status.ok()) {
        EXPECT_EQ(answer.status.error_code(), grpc::RESOURCE_EXHAUSTED)
            << answer.status.error_message();
        EXPECT_EQ(answer.applied(), v1::Undecided::NO);
        return;
      }
      ++last_;
      ASSERT_LT(last_, 10'000) << "the disks never fill";
    }
  }

  void RemoveHalf() {
    for (const int end = first_ + (last_ - first_) / 2; first_ < end; ++first_) {
      const Answer<Decided> del = client().Del(*Key::Parse(std::to_string(first_)));
      ASSERT_TRUE(del.ok()) << "a removal was refused: " << del.failure().message;
    }
  }

  int first_ = 1;
  int last_ = 0;
};

INSTANTIATE_TEST_SUITE_P(C7, FilledByClients, testing::Values(3));

TEST_P(FilledByClients, C7_HealOnceEntriesAreRemoved) {
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(Fill());
    std::cout << "full with " << last_ - first_ + 1 << " values of 100 kB\n";
    ASSERT_NO_FATAL_FAILURE(RemoveHalf());
    const int key = last_ + 1;
    AwaitTrue([&] { return client().Set(*Key::Parse(std::to_string(key)), 0, "w").ok(); },
              [] { return "writes do not resume"; });
    last_ = key;
  }
  cluster_->AwaitSameState();
  for (int i = 0; i < GetParam(); ++i) {
    EXPECT_EQ(cluster_->Status(i).keys(), static_cast<uint64_t>(last_ - first_ + 1));
  }
}

}  // namespace
}  // namespace tripla
