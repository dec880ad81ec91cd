// SPDX-License-Identifier: Apache-2.0
// A vote, a candidacy and a term are durable before another node hears of them (C1). The test plays
// the two others of a cluster of three; the power of the real one is cut when they have heard.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/cluster/raft_peer.h"
#include "tests/harness/dose.h"
#include "tests/harness/formed_replica.h"
#include "tests/harness/process.h"
#include "tests/harness/test_cluster.h"
#include "tests/harness/unsynced_names.h"

namespace tripla {
namespace {

class Vote : public testing::Test {
 protected:
  void SetUp() override {
    std::string members;
    for (int i = 0; i < 3; ++i) {
      const std::string client = std::to_string(FreePort());
      ports_.push_back(FreePort());
      members += (i == 0 ? "n" : ",n") + std::to_string(i + 1) + "=127.0.0.1:" + client +
                 "/127.0.0.1:" + std::to_string(ports_.back());
    }
    MakeFormedReplica(data_dir_, "n1", members);
    listener_ = ListenOn(ports_[1]);
  }
  void TearDown() override { close(listener_); }

  void Start(std::vector<std::string> environment) {
    process_ = std::make_unique<Process>(
        std::vector<std::string>{ProgramPath("triplad"), "--data-dir", data_dir_},
        std::move(environment));
  }

  // The names that were not durable go; what was written into files stays.
  void CutPower() {
    process_->Kill();
    undone_ += unsynced_.Undo();
  }

  // n1's connection to n2, which is played by the test. It comes when n1 stands for election.
  [[nodiscard]] std::unique_ptr<RaftConnection> AwaitCandidate() const {
    return std::make_unique<RaftConnection>(listener_);
  }

  // Connects to n1 in the name of another node, and greets as n1 itself does.
  [[nodiscard]] std::unique_ptr<RaftConnection> ConnectAs(
      const std::string& node, const RaftConnection& of_n1,
      RaftConnection::Purpose purpose = RaftConnection::Purpose::kVotes) const {
    RaftConnection::Greeting greeting = of_n1.greeting();
    greeting.from = node;
    greeting.to = "n1";
    return std::make_unique<RaftConnection>(ports_[0], greeting, purpose);
  }

  // A file of n1's log whose name begins so; empty when there is none.
  [[nodiscard]] std::string Find(const std::string& name) const {
    for (const auto& file : std::filesystem::recursive_directory_iterator(data_dir_ + "/log")) {
      if (file.path().filename().string().starts_with(name)) return file.path();
    }
    return "";
  }

  // Whether n1's log holds more than the header of a segment and zeros.
  [[nodiscard]] bool HasEntry() const {
    std::ifstream file(Find("log_inprogress"));
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    constexpr size_t kHeaderBytes = 8;
    return content.find_first_not_of('\0', kHeaderBytes) != content.npos;
  }

  const TemporaryDirectory directory_;
  const std::string data_dir_ = directory_.path() + "/n1";
  const UnsyncedNames unsynced_{directory_.path() + "/unsynced"};
  int undone_ = 0;
  std::vector<int> ports_;
  int listener_ = -1;
  std::unique_ptr<Process> process_;
};

TEST_F(Vote, C1_IsDurableBeforeItIsHeard) {
  const int rounds = LongDose() ? 300 : 15;
  std::mt19937_64 chance{Seed()};
  uint64_t term = 0;      // the latest that n1 has spoken of
  std::string voted_for;  // in that term
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Start(unsynced_.environment(TRIPLA_BAD_DISK));
    const std::unique_ptr<RaftConnection> from_n1 = AwaitCandidate();
    if (term != 0) {
      const std::string other = voted_for == "n3" ? "n2" : "n3";
      const auto second = ConnectAs(other, *from_n1)->AskForVote({.term = term});
      ASSERT_TRUE(second.has_value()) << process_->output();
      ASSERT_FALSE(second->granted)
          << "in term " << term << " it has voted for " << voted_for << ", and now for " << other;
      EXPECT_GE(second->term, term) << "it has forgotten the term";
      term = second->term;
    }
    if (chance() % 2 == 0) {
      voted_for = chance() % 2 == 0 ? "n2" : "n3";
      term += 1 + chance() % 3;
      const auto vote = ConnectAs(voted_for, *from_n1)->AskForVote({.term = term});
      ASSERT_TRUE(vote.has_value() && vote->granted) << process_->output();
    } else {
      voted_for = "n1";
      auto request = from_n1->AwaitRequest();
      while (request && request->pre_vote) {
        from_n1->Grant();
        request = from_n1->AwaitRequest();
      }
      ASSERT_TRUE(request.has_value()) << process_->output();
      ASSERT_GE(request->term, term);
      term = request->term;
    }
    CutPower();
  }
  std::cout << undone_ << " names were not durable\n";
}

// Ratis writes a new term once: what came after a failure was answered as if it had been written.
TEST_F(Vote, C1_ATermThatCouldNotBeWrittenIsNotAnsweredBeforeItIs) {
  constexpr uint64_t kNewTerm = 9;
  const std::string no_files = directory_.path() + "/no-files";
  Start({"LD_PRELOAD=" TRIPLA_BAD_DISK, "BAD_DISK=EMFILE@" + no_files});
  {
    const std::unique_ptr<RaftConnection> from_n1 = AwaitCandidate();
    const auto leader = ConnectAs("n2", *from_n1, RaftConnection::Purpose::kEntries);
    std::ofstream(no_files) << "?";
    EXPECT_EQ(leader->SendHeartbeat(kNewTerm), std::nullopt);
    EXPECT_EQ(leader->SendHeartbeat(kNewTerm), std::nullopt) << "it is still not written";
    std::filesystem::remove(no_files);
    EXPECT_EQ(leader->SendHeartbeat(kNewTerm), kNewTerm) << process_->output();
  }
  process_->Kill();
  Start({});
  const auto request = AwaitCandidate()->AwaitRequest();
  ASSERT_TRUE(request.has_value()) << process_->output();
  EXPECT_GE(request->term, kNewTerm) << "it has forgotten the term";
}

// It was taken for sound, and the replica could vote a second time in that term.
TEST_F(Vote, C1_WhoseTermIsBelowTheLogsVotesForNoOtherInThatTerm) {
  uint64_t term = 0;
  Start({});
  {
    const std::unique_ptr<RaftConnection> from_n1 = AwaitCandidate();
    for (bool pre_vote = true; pre_vote;) {
      const auto request = from_n1->AwaitRequest();
      ASSERT_TRUE(request.has_value()) << process_->output();
      term = request->term;
      pre_vote = request->pre_vote;
      from_n1->Grant();
    }
    AwaitTrue([&] { return HasEntry(); }, [&] { return process_->output(); });
  }
  process_->Kill();
  std::ofstream(Find("raft-meta")) << "term=" << term - 1 << "\nvotedFor=\n";
  Start({});
  std::unique_ptr<RaftConnection> from_n1;
  do {
    from_n1 = AwaitCandidate();
  } while (!from_n1->AwaitRequest() && !HasFailure());  // first come those of the one that is gone
  const auto vote = ConnectAs("n3", *from_n1)->AskForVote({.term = term});
  ASSERT_TRUE(vote.has_value()) << process_->output();
  EXPECT_FALSE(vote->granted) << "it led term " << term << ", and now votes for n3 in it";
  EXPECT_NE(process_->output().find("the term is raised"), std::string::npos) << process_->output();
}

}  // namespace
}  // namespace tripla
