// SPDX-License-Identifier: Apache-2.0
// What is known and what is refused when servers are gone, and how they come back (R13, R27).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "disk/data_directory.h"
#include "snapshot/image_store.h"
#include "state/state_machine.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using std::chrono::milliseconds;
using Stub = v1::KeyValue::Stub;

class Recovery : public testing::Test {
 protected:
  static constexpr int kSize = TestCluster::kSize;

  // One cluster for the whole suite: each test uses keys of its own. Images when asked for only.
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    cluster_ = new TestCluster(directory_->path(), {"--snapshot-interval", "0"});
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
  }
  void SetUp() override {
    for (int i = 0; i < kSize; ++i) cluster().BringBack(i);
  }
  static TestCluster& cluster() { return *cluster_; }

  static v1::SetRequest Request(int number) {
    v1::SetRequest request;
    request.set_key(KeyBytes(std::to_string(number)));
    request.set_data(std::to_string(number));
    request.mutable_request_id()->set_client("0123456789abcdef");
    request.mutable_request_id()->set_sequence(static_cast<uint64_t>(number));
    return request;
  }

  // Sends it to any that runs until one decides.
  static v1::Reply Settle(const v1::SetRequest& request) {
    CallAnswer answer;
    int turn = 0;
    AwaitTrue(
        [&] {
          const int number = turn++ % kSize;
          if (!cluster().Runs(number)) return false;
          answer = Send(cluster().stub(number), &Stub::Set, request, milliseconds(5000));
          return answer.status.ok();
        },
        [&] { return answer.status.error_message(); });
    return answer.reply;
  }

 private:
  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestCluster* cluster_ = nullptr;
};

// The leader is killed with many writes under way: some are committed and not answered.
TEST_F(Recovery, R13_AWriteSentAgainAfterItsLeaderWasKilledIsAppliedOnce) {
  constexpr int kWrites = 300;
  const int leader = cluster().AwaitLeader();
  std::vector<std::future<CallAnswer>> calls;
  for (int i = 0; i < kWrites; ++i) {
    calls.push_back(std::async(std::launch::async, [leader, request = Request(1000 + i)] {
      return Send(cluster().stub(leader), &Stub::Set, request, milliseconds(5000));
    }));
  }
  calls[0].wait();  // some are answered by then, some under way, some not begun
  cluster().Kill(leader);
  int answered = 0;
  std::vector<v1::Reply> first;
  for (int i = 0; i < kWrites; ++i) {
    const CallAnswer before = calls[i].get();
    first.push_back(Settle(Request(1000 + i)));
    EXPECT_EQ(first.back().result(), v1::SUCCESS) << i;
    if (!before.status.ok()) continue;
    ++answered;
    EXPECT_TRUE(first.back().replayed()) << i << " was acknowledged and lost";
    EXPECT_EQ(first.back().revision(), before.reply.revision()) << i;
  }
  EXPECT_GT(answered, 0);
  cluster().Start(leader);
  cluster().AwaitReady(leader);
  for (int i = 0; i < kSize; ++i) cluster().Snapshot(i);
  for (int i = 0; i < kSize; ++i) {
    cluster().Kill(i);
    cluster().Start(i);
    cluster().AwaitReady(i);
  }
  for (int i = 0; i < kWrites; ++i) {
    const v1::Reply again = Settle(Request(1000 + i));
    EXPECT_TRUE(again.replayed()) << i << " is forgotten after the restart of all";
    EXPECT_EQ(again.revision(), first[i].revision());
  }
  cluster().AwaitSameState();
}

TEST_F(Recovery, AFollowerTheLogDoesNotReachBackToIsCaughtUpByAnImageWhileTheLeaderServes) {
  const std::string megabyte(1 << 20, 'x');
  const int follower = cluster().AwaitFollower();
  const v1::Reply before = Settle(Request(2000));
  cluster().Kill(follower);
  const int leader = cluster().AwaitLeader();
  const auto write = [&](int number) {
    const CallAnswer answer =
        Set(cluster().stub(leader), std::to_string(number), 0, megabyte + std::to_string(number));
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  };
  // The log is forgotten by files of 16 MiB, once two images hold what is in them.
  for (int i = 0; i < 40; ++i) write(2100 + i);
  for (int round = 0; round < 2; ++round) {
    write(2200 + round);
    for (int i = 0; i < kSize; ++i) {
      if (cluster().Runs(i)) cluster().Snapshot(i);
    }
  }
  AwaitTrue([&] { return cluster().Status(leader).log_bytes() < uint64_t{40} << 20; },
            [&] { return "the log is kept for ever: " + cluster().Status(leader).DebugString(); });
  cluster().Start(follower);
  for (int i = 0; i < 10; ++i) write(2300 + i);
  cluster().AwaitReady(follower);
  cluster().AwaitSameState();
  cluster().process(follower).AwaitOutput("it has installed the leader's image");
  EXPECT_EQ(Get(cluster().stub(follower), "2139").reply.value().data(), megabyte + "2139");
  // What ids were decided has come with the image.
  const CallAnswer again = Send(cluster().stub(follower), &Stub::Set, Request(2000));
  EXPECT_TRUE(again.reply.replayed());
  EXPECT_EQ(again.reply.revision(), before.revision());
  // And it starts from it.
  cluster().Kill(follower);
  cluster().Start(follower);
  cluster().AwaitReady(follower);
  cluster().AwaitSameState();
}

// Gives a server that does not run the state that a different write than the last would have led
// to.
void MakeStateWrong(const std::string& data_dir) {
  const auto directory = DataDirectory::Open(PosixDisk(), data_dir);
  ASSERT_TRUE(directory.ok()) << directory.status().message();
  ImageStore images(*directory);
  absl::StatusOr<RecoveredState> state = images.Recover(0);
  ASSERT_TRUE(state.ok()) << state.status().message();
  LogPosition position = state->machine->GetSummary().position;
  ++position.index;
  state->machine->Apply(position, {{{.kind = CommandKind::kSet, .key = Key(), .data = "wrong"}}});
  const std::atomic<bool> never_abandoned{false};
  ASSERT_TRUE(images.Write(state->machine->Freeze(), never_abandoned).ok());
}

TEST_F(Recovery, R24_AReplicaWhoseStateIsWrongEndsItselfAndIsRebuiltFromTheOthers) {
  Settle(Request(4000));
  const int wrong = cluster().AwaitFollower();
  const std::string node = "n" + std::to_string(wrong + 1);
  cluster().AwaitSameState();
  cluster().Snapshot(wrong);
  Settle(Request(4001));
  cluster().AwaitSameState();
  cluster().Kill(wrong);
  MakeStateWrong(cluster().data_dir(wrong));
  cluster().Start(wrong);
  cluster().process(wrong).AwaitOutput(node + ", this one, is wrong");
  EXPECT_EQ(cluster().process(wrong).Wait(), 1);
  for (int i = 0; i < kSize; ++i) {
    EXPECT_NE(cluster().process(wrong).output().find("n" + std::to_string(i + 1) + " has "),
              std::string::npos);
    if (i == wrong) continue;
    EXPECT_FALSE(cluster().Status(i).node().empty()) << i << " has ended too";
  }
  cluster().Kill(wrong);

  // Its directory is no good, and one that knows nothing must not take its name.
  std::filesystem::remove_all(cluster().data_dir(wrong));
  const auto init = [&](std::vector<std::string> more) {
    std::vector<std::string> argv = {ProgramPath("triplad"),
                                     "init",
                                     "--data-dir",
                                     cluster().data_dir(wrong),
                                     "--node",
                                     node,
                                     "--cluster",
                                     cluster().members()};
    argv.insert(argv.end(), more.begin(), more.end());
    return std::make_unique<Process>(argv);
  };
  std::unique_ptr<Process> again = init({});
  EXPECT_EQ(again->Wait(), 1);
  EXPECT_NE(again->output().find("--rebuild"), std::string::npos) << again->output();
  // What a refused init left would be taken for a standalone server's.
  EXPECT_FALSE(std::filesystem::exists(cluster().data_dir(wrong)));
  std::filesystem::create_directory(cluster().data_dir(wrong));
  again = init({});
  EXPECT_EQ(again->Wait(), 1);
  EXPECT_TRUE(std::filesystem::is_empty(cluster().data_dir(wrong)));
  const int other = 3 - wrong - cluster().AwaitLeader();
  cluster().Stop(other);
  again = init({"--rebuild"});
  EXPECT_EQ(again->Wait(), 1) << "one alone may not know what the lost one has acknowledged";
  EXPECT_NE(again->output().find("n" + std::to_string(other + 1)), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_empty(cluster().data_dir(wrong)));
  cluster().BringBack(other);
  again = init({"--rebuild"});
  EXPECT_EQ(again->Wait(), 0) << again->output();
  cluster().Start(wrong);
  cluster().AwaitReady(wrong);
  cluster().AwaitSameState();
  // It votes: with one of the others gone the two of them go on.
  cluster().Kill(other);
  EXPECT_EQ(Settle(Request(4002)).result(), v1::SUCCESS);
}

// Nobody writes meanwhile: the leader does not learn by itself that the new log is empty.
TEST_F(Recovery, AReplicaIsRebuiltThoughNobodyWrites) {
  Settle(Request(4100));
  cluster().AwaitSameState();
  const int lost = cluster().AwaitFollower();
  const auto rebuild = [lost](const std::string& data_dir) {
    return Process({ProgramPath("triplad"), "init", "--rebuild", "--data-dir", data_dir, "--node",
                    "n" + std::to_string(lost + 1), "--cluster", cluster().members()});
  };
  const std::string elsewhere = cluster().data_dir(lost) + ".new";
  Process refused = rebuild(elsewhere);
  EXPECT_EQ(refused.Wait(), 1);
  EXPECT_NE(refused.output().find("is not lost: it serves at"), std::string::npos)
      << refused.output();
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
  cluster().Kill(lost);
  std::filesystem::rename(cluster().data_dir(lost), cluster().data_dir(lost) + ".lost");
  Process rebuilt = rebuild(cluster().data_dir(lost));
  EXPECT_EQ(rebuilt.Wait(), 0) << rebuilt.output();
  cluster().Start(lost);
  cluster().AwaitReady(lost);
  cluster().AwaitSameState();
}

// Starts a server that must end because its directory is no good any more, twice.
void ExpectRefused(TestCluster& cluster, int number, const std::string& why) {
  cluster.Start(number);
  EXPECT_EQ(cluster.process(number).Wait(), 1);
  EXPECT_THAT(cluster.process(number).output(),
              testing::AllOf(testing::HasSubstr(why), testing::HasSubstr("--rebuild")));
  cluster.Start(number);
  EXPECT_EQ(cluster.process(number).Wait(), 1);
  EXPECT_THAT(cluster.process(number).output(),
              testing::AllOf(testing::HasSubstr("must not be started any more"),
                             testing::HasSubstr(why), testing::HasSubstr("--rebuild")));
}

// "It must never run again" was an advice: it could vote, though it had been replaced.
TEST_F(Recovery, AReplacedDirectoryIsRefused) {
  Settle(Request(4110));
  const int lost = cluster().AwaitFollower();
  const std::string path = cluster().data_dir(lost);
  cluster().Kill(lost);
  std::filesystem::rename(path, path + ".lost-before");
  Process rebuilt({ProgramPath("triplad"), "init", "--rebuild", "--data-dir", path, "--node",
                   "n" + std::to_string(lost + 1), "--cluster", cluster().members()});
  EXPECT_EQ(rebuilt.Wait(), 0) << rebuilt.output();
  std::filesystem::rename(path, path + ".rebuilt");
  std::filesystem::rename(path + ".lost-before", path);
  ExpectRefused(cluster(), lost, "was replaced");
  std::filesystem::remove_all(path);
  std::filesystem::rename(path + ".rebuilt", path);
  cluster().Start(lost);
  cluster().AwaitReady(lost);
  cluster().AwaitSameState();
}

// The copy has the same starts as the original: only the leader knows what that has acknowledged.
TEST_F(Recovery, C4_ACopyThatWasMadeOfARunningServerIsRefused) {
  Settle(Request(4120));
  cluster().AwaitSameState();
  const int follower = cluster().AwaitFollower();
  const std::string path = cluster().data_dir(follower);
  std::filesystem::copy(path, path + ".copy", std::filesystem::copy_options::recursive);
  for (int i = 0; i < 30; ++i) Settle(Request(4121 + i));
  cluster().AwaitSameState();
  cluster().Kill(follower);
  std::filesystem::rename(path, path + ".original");
  std::filesystem::rename(path + ".copy", path);
  ExpectRefused(cluster(), follower, "directory went back in time: it has acknowledged records");
  std::filesystem::remove_all(path);
  Process rebuilt({ProgramPath("triplad"), "init", "--rebuild", "--data-dir", path, "--node",
                   "n" + std::to_string(follower + 1), "--cluster", cluster().members()});
  EXPECT_EQ(rebuilt.Wait(), 0) << rebuilt.output();
  cluster().Start(follower);
  cluster().AwaitReady(follower);
  cluster().AwaitSameState();
}

// It started without a word, and could lead with a log that lacked what it had acknowledged.
TEST_F(Recovery, R18a_ALogWhoseEndIsMissingAfterAnOrderlyStopIsRefused) {
  Settle(Request(4160));
  cluster().AwaitSameState();
  const int follower = cluster().AwaitFollower();
  cluster().Stop(follower);
  std::string newest;
  const std::string log = cluster().data_dir(follower) + "/log";
  for (const auto& file : std::filesystem::recursive_directory_iterator(log)) {
    if (file.path().filename().string().starts_with("log_inprogress")) newest = file.path();
  }
  ASSERT_NE(newest, "");
  const std::string elsewhere = cluster().data_dir(follower) + ".newest";
  std::filesystem::rename(newest, elsewhere);
  for (int i = 0; i < 2; ++i) {  // what it knows is not forgotten by the refusal
    cluster().Start(follower);
    EXPECT_EQ(cluster().process(follower).Wait(), 10);
    EXPECT_THAT(cluster().process(follower).output(),
                testing::AllOf(testing::HasSubstr("the log ends with record"),
                               testing::HasSubstr("the rest is missing; put it back"),
                               testing::HasSubstr("--rebuild")));
  }
  std::filesystem::rename(elsewhere, newest);
  cluster().Start(follower);
  cluster().AwaitReady(follower);
  cluster().AwaitSameState();
}

TEST_F(Recovery, R19_ADamagedNewestImageIsPassedOverAndSaid) {
  const int follower = cluster().AwaitFollower();
  for (int i = 0; i < 2; ++i) {
    Settle(Request(4200 + i));
    cluster().AwaitSameState();
    cluster().Snapshot(follower);
  }
  cluster().Kill(follower);
  std::set<std::string> images;
  for (const auto& file :
       std::filesystem::directory_iterator(cluster().data_dir(follower) + "/image")) {
    images.insert(file.path());
  }
  ASSERT_EQ(images.size(), 2u);
  std::fstream(*images.rbegin(), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(std::filesystem::file_size(*images.rbegin()) / 2))
      .write("damaged", 7);
  cluster().Start(follower);
  cluster().AwaitReady(follower);
  cluster().process(follower).AwaitOutput(*images.begin() + " is used instead");
  cluster().AwaitSameState();
}

// The segment that a server which does not run has written last.
std::string OpenSegment(const std::string& data_dir) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(data_dir + "/log")) {
    if (file.path().filename().string().starts_with("log_inprogress_")) return file.path();
  }
  ADD_FAILURE() << data_dir << " has no open segment";
  return "";
}

TEST_F(Recovery, R19_AnEntryThatAKillCutOffIsDroppedAndSaidADamagedOneIsRefused) {
  constexpr size_t kSector = 512;
  const int follower = cluster().AwaitFollower();
  for (int i = 0; i < 50; ++i) Settle(Request(5000 + i));
  cluster().AwaitSameState();
  cluster().Kill(follower);
  const std::string path = OpenSegment(cluster().data_dir(follower));
  const auto write = [&](size_t offset, const std::string& bytes) {
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary)
        .seekp(static_cast<std::streamoff>(offset))
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  };
  std::stringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  const size_t end = content.str().find_last_not_of('\0') + 1;
  // Of an entry of 2048 bytes what came before the boundary of a sector.
  write(end, "\x80\x10" + std::string(2 * kSector - 2 - end % kSector, 'x'));
  cluster().Start(follower);
  cluster().AwaitReady(follower);
  cluster().process(follower).AwaitOutput("an entry that was not written whole is cut off");
  cluster().AwaitSameState();

  cluster().Kill(follower);
  const std::string again = OpenSegment(cluster().data_dir(follower));
  ASSERT_EQ(again, path);
  write(100, "\xff");
  cluster().Start(follower);
  EXPECT_EQ(cluster().process(follower).Wait(), 10);
  EXPECT_THAT(cluster().process(follower).output(),
              testing::AllOf(testing::HasSubstr(path + " at offset "),
                             testing::HasSubstr("triplad init --rebuild")));
  write(100, content.str().substr(100, 1));
  cluster().Kill(follower);
}

// One that a server which does not run had ended before.
std::string ClosedSegment(const std::string& data_dir) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(data_dir + "/log")) {
    const std::string name = file.path().filename();
    if (name.starts_with("log_") && !name.starts_with("log_inprogress_")) return file.path();
  }
  return "";
}

TEST_F(Recovery, R19_DamageInAClosedSegmentOfTheLogIsNamedAndRefused) {
  // A new leader begins a new segment.
  for (int i = 0; i < 20; ++i) Settle(Request(5100 + i));
  const int former = cluster().AwaitLeader();
  cluster().Kill(former);
  Settle(Request(5120));
  cluster().BringBack(former);
  cluster().AwaitSameState();
  const int follower = cluster().AwaitFollower();
  cluster().Kill(follower);
  const std::string path = ClosedSegment(cluster().data_dir(follower));
  ASSERT_FALSE(path.empty());
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(path) / 2);
  const auto flip = [&] {
    const auto byte = static_cast<char>(file.seekg(middle).get());
    file.seekp(middle).put(static_cast<char>(~byte)).flush();
  };
  flip();
  cluster().Start(follower);
  EXPECT_EQ(cluster().process(follower).Wait(), 10);
  EXPECT_THAT(cluster().process(follower).output(),
              testing::AllOf(testing::HasSubstr(path + " at offset "),
                             testing::HasSubstr("triplad init --rebuild")));
  flip();
  cluster().Kill(follower);
  cluster().BringBack(follower);
}

TEST_F(Recovery, R27_WithoutAMajorityWritesFailInTimeNothingStaleIsReadAndServiceReturnsByItself) {
  const int leader = cluster().AwaitLeader();
  const int last = (leader + 1) % kSize;
  ASSERT_TRUE(Set(cluster().stub(leader), "3000", 0, "a").status.ok());
  ASSERT_EQ(Get(cluster().stub(last), "3000").reply.value().data(), "a");  // it knows it, then
  for (int i = 0; i < kSize; ++i) {
    if (i != last) cluster().Kill(i);
  }
  v1::SetRequest request = Request(3001);
  const auto began = std::chrono::steady_clock::now();
  CallAnswer write = Send(cluster().stub(last), &Stub::Set, request, milliseconds(2000));
  EXPECT_LT(std::chrono::steady_clock::now() - began, milliseconds(4000));
  EXPECT_FALSE(write.status.ok());
  // It still takes the dead one for the leader. What may have been sent to that is not known; what
  // finds no connection was not sent.
  while (write.status.error_message().find("did not answer") != std::string::npos) {
    EXPECT_EQ(write.applied(), v1::Undecided::UNKNOWN);
    write = Send(cluster().stub(last), &Stub::Set, request, milliseconds(2000));
  }
  EXPECT_THAT(write.status.error_message(), testing::HasSubstr("cannot be reached"));
  EXPECT_EQ(write.applied(), v1::Undecided::NO);
  AwaitTrue(
      [&] {
        write = Send(cluster().stub(last), &Stub::Set, request, milliseconds(2000));
        return write.status.error_code() == grpc::UNAVAILABLE;
      },
      [&] { return write.status.error_message(); });
  EXPECT_TRUE(write.applied().has_value()) << write.status.error_message();
  v1::GetRequest read;
  EXPECT_EQ(Send(cluster().stub(last), &Stub::Get, read).status.error_code(),
            grpc::INVALID_ARGUMENT)
      << "an empty key is wrong whoever leads";
  read.set_key(KeyBytes("3000"));
  EXPECT_FALSE(Send(cluster().stub(last), &Stub::Get, read, milliseconds(2000)).status.ok());
  read.set_consistency(v1::STALE);
  EXPECT_EQ(Send(cluster().stub(last), &Stub::Get, read).reply.value().data(), "a");
  Process command({ProgramPath("tripla"), "--server", cluster().endpoint(last), "--timeout", "3s",
                   "set", "3002", "b"});
  const int exit_code = command.Wait();
  EXPECT_TRUE(exit_code == 6 || exit_code == 7) << exit_code << command.output();
  cluster().Start(leader);
  EXPECT_EQ(Settle(request).result(), v1::SUCCESS);
  EXPECT_EQ(Get(cluster().stub(last), "3001").reply.value().version(), 1);
}

}  // namespace
}  // namespace tripla
