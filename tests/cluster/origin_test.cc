// SPDX-License-Identifier: Apache-2.0
// A cluster that begins with the state of another database (C5): `triplad init --from` and
// --from-image.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Stub = v1::KeyValue::Stub;

constexpr uint64_t kBump = uint64_t{1} << 32;  // of revisions

CallAnswer Set(v1::KeyValue::Stub& stub, int key) {
  v1::SetRequest request;
  request.set_key(KeyBytes(std::to_string(key)));
  request.set_data(std::to_string(key));
  return Send(stub, &Stub::Set, request, milliseconds(9000));
}

CallAnswer Get(v1::KeyValue::Stub& stub, int key) {
  v1::GetRequest request;
  request.set_key(KeyBytes(std::to_string(key)));
  return Send(stub, &Stub::Get, request, milliseconds(9000));
}

std::unique_ptr<Process> Init(const std::string& data_dir, std::vector<std::string> flags) {
  std::vector<std::string> argv = {ProgramPath("triplad"), "init", "--data-dir", data_dir};
  argv.insert(argv.end(), flags.begin(), flags.end());
  auto init = std::make_unique<Process>(argv);
  init->Wait();
  return init;
}

// n1, n2 and n3 in `directory`, each from a source of its own.
void PrepareCluster(const std::string& directory, const std::string& members,
                    const std::vector<std::vector<std::string>>& sources) {
  for (size_t i = 0; i < sources.size(); ++i) {
    const std::string node = "n" + std::to_string(i + 1);
    std::vector<std::string> flags = {"--node", node, "--cluster", members};
    flags.insert(flags.end(), sources[i].begin(), sources[i].end());
    const auto init = Init(directory + "/" + node, flags);
    ASSERT_THAT(init->output(), HasSubstr("is replica " + node + "'s now"));
  }
  std::ofstream(directory + "/members") << members;
}

void CopyDirectory(const std::string& from, const std::string& to) {
  fs::copy(from, to, fs::copy_options::recursive);
}

// The survivor has records of which it did not learn that another one had them too.
TEST(Origin, C5_AfterALostMajorityACopyOfTheSurvivorHoldsWhatItHadAcknowledged) {
  const TemporaryDirectory directory;
  const std::string former = directory.path() + "/former";
  const std::string anew = directory.path() + "/anew";
  fs::create_directory(former);
  fs::create_directory(anew);
  std::string members, lost, cluster_before;
  uint64_t last_revision = 0;
  constexpr int kWrites = 200;
  {
    TestCluster cluster(former, {"--snapshot-interval", "0"});
    members = cluster.members();
    const int survivor = cluster.AwaitFollower();
    ASSERT_TRUE(Set(cluster.stub(cluster.AwaitLeader()), 1).status.ok());
    cluster.Snapshot(survivor);
    for (int key = 2; key <= kWrites; ++key) {
      const CallAnswer answer = Set(cluster.stub(cluster.AwaitLeader()), key);
      ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
      last_revision = answer.reply.revision();
    }
    cluster.AwaitSameState();
    cluster_before = cluster.Status(survivor).cluster();
    for (int i = 0; i < cluster.size(); ++i) cluster.Kill(i);
    CopyDirectory(cluster.data_dir(survivor), directory.path() + "/survivor");
    lost = cluster.data_dir((survivor + 1) % 3);
  }
  std::vector<std::vector<std::string>> sources;
  for (const char* copy : {"/copy1", "/copy2", "/copy3"}) {
    CopyDirectory(directory.path() + "/survivor", directory.path() + copy);
    sources.push_back({"--from", directory.path() + copy});
  }
  PrepareCluster(anew, members, sources);
  TestCluster cluster(anew);
  const int leader = cluster.AwaitLeader();
  for (int key = 1; key <= kWrites; ++key) {
    const CallAnswer answer = Get(cluster.stub(leader), key);
    ASSERT_TRUE(answer.status.ok()) << answer.status.error_message();
    EXPECT_EQ(answer.reply.value().data(), std::to_string(key));
  }
  const CallAnswer written = Set(cluster.stub(leader), kWrites + 1);
  EXPECT_EQ(written.reply.revision(), last_revision + kBump + 1) << "none is given out twice";
  cluster.AwaitSameState();
  EXPECT_NE(cluster.Status(leader).cluster(), cluster_before);
  // Snapshots and starts go on from the state it began with.
  for (int i = 0; i < cluster.size(); ++i) cluster.Snapshot(i);
  for (int i = 0; i < cluster.size(); ++i) cluster.Kill(i);
  for (int i = 0; i < cluster.size(); ++i) cluster.Start(i);
  for (int i = 0; i < cluster.size(); ++i) cluster.AwaitReady(i);
  EXPECT_EQ(Get(cluster.stub(0), kWrites + 1).reply.value().data(), std::to_string(kWrites + 1));
  // A lost directory turns up.
  const int killed = cluster.AwaitFollower();
  cluster.Kill(killed);
  Process returned({ProgramPath("triplad"), "--data-dir", lost, "--listen",
                    "127.0.0.1:" + std::to_string(FreePort()), "--raft-listen",
                    "127.0.0.1:" + std::to_string(FreePort())});
  returned.AwaitOutput("it is of another cluster");
}

TEST(Origin, C5_MembersThatBeginWithDifferentStatesFormNoClusterAndSayWhich) {
  const TemporaryDirectory directory;
  const std::string one = directory.path() + "/one";
  {
    TestServer server(one);
    ASSERT_TRUE(Set(server.stub(), 1).status.ok());
    server.Stop();
  }
  CopyDirectory(one, directory.path() + "/copy");
  {
    TestServer server(one);
    ASSERT_TRUE(Set(server.stub(), 2).status.ok());
    server.Stop();
  }
  std::string list;
  for (int i = 0; i < 2; ++i) {
    list += (i == 0 ? "n" : ",n") + std::to_string(i + 1) +
            "=127.0.0.1:" + std::to_string(FreePort()) + "/127.0.0.1:" + std::to_string(FreePort());
  }
  PrepareCluster(directory.path(), list, {{"--from", one}, {"--from", directory.path() + "/copy"}});
  Process first({ProgramPath("triplad"), "--data-dir", directory.path() + "/n1"});
  Process second({ProgramPath("triplad"), "--data-dir", directory.path() + "/n2"});
  EXPECT_THAT(first.AwaitOutput("n2 was prepared with "),
              AllOf(HasSubstr("revision 4294967297, record 1, state hash"),
                    HasSubstr("n1 with revision 4294967298"), HasSubstr("from the same state")));
}

TEST(Origin, C5_AnInitThatWasCutOffIsNotStarted) {
  const TemporaryDirectory directory;
  const std::string one = directory.path() + "/one";
  {
    TestServer server(one);
    ASSERT_TRUE(Set(server.stub(), 1).status.ok());
    server.Stop();
  }
  const std::string list =
      "n1=127.0.0.1:" + std::to_string(FreePort()) + "/127.0.0.1:" + std::to_string(FreePort());
  PrepareCluster(directory.path(), list, {{"--from", one}});
  fs::remove_all(directory.path() + "/n1/image");
  fs::create_directory(directory.path() + "/n1/image");
  Process start({ProgramPath("triplad"), "--data-dir", directory.path() + "/n1"});
  EXPECT_EQ(start.Wait(), 10);
  EXPECT_THAT(start.output(), HasSubstr("triplad init was cut off; empty the directory"));
}

TEST(Origin, C5_WhatCannotBeASourceIsRefusedAndNothingIsMade) {
  const TemporaryDirectory directory;
  const std::string one = directory.path() + "/one";
  const std::string to = directory.path() + "/to";
  TestServer server(one);
  ASSERT_TRUE(Set(server.stub(), 1).status.ok());
  EXPECT_THAT(Init(to, {"--from", one})->output(), HasSubstr("is held by process"));
  EXPECT_FALSE(fs::exists(to));
  server.Stop();
  EXPECT_THAT(Init(to, {"--from", directory.path() + "/none"})->output(), HasSubstr("none"));
  EXPECT_FALSE(fs::exists(to));
  EXPECT_FALSE(fs::exists(directory.path() + "/none"));
  EXPECT_THAT(Init(to, {"--from-image", one + "/format"})->output(), HasSubstr("format at offset"));
  EXPECT_FALSE(fs::exists(to));
  EXPECT_THAT(Init(to, {})->output(), HasSubstr("--node and --cluster are missing"));
  EXPECT_THAT(Init(to, {"--from", one, "--node", "n1"})->output(), HasSubstr("come together"));
  const auto too_many = Init(to, {"--from", one, "--revision-bump", "-1"});
  EXPECT_THAT(too_many->output(), HasSubstr("--revision-bump"));
  EXPECT_EQ(too_many->Wait(), 2);
  EXPECT_THAT(Init(to, {"--from", one, "--rebuild"})->output(), HasSubstr("leave out --from"));
  EXPECT_FALSE(fs::exists(to));
}

// The small files that only a start needs are gone: what is left is all that there is.
TEST(Origin, C5_ASurvivorWithoutItsVoteAndItsStartsCanStillBeASource) {
  const TemporaryDirectory directory;
  const std::string one = directory.path() + "/n1";
  const std::string list =
      "n1=127.0.0.1:" + std::to_string(FreePort()) + "/127.0.0.1:" + std::to_string(FreePort());
  std::ofstream(directory.path() + "/members") << list;
  const auto init = Init(one, {"--node", "n1", "--cluster", list});
  ASSERT_THAT(init->output(), HasSubstr("is replica n1's now"));
  {
    TestCluster cluster(directory.path(), {}, std::vector<TestCluster::Place>(1));
    ASSERT_TRUE(Set(cluster.stub(0), 1).status.ok());
    cluster.Kill(0);
  }
  fs::remove(one + "/starts");
  for (const auto& file : fs::recursive_directory_iterator(one + "/log")) {
    if (file.path().filename() == "raft-meta") {
      fs::remove(file.path());
      break;
    }
  }
  Process inspect({ProgramPath("triplad"), "inspect", one});
  EXPECT_EQ(inspect.Wait(), 0) << inspect.output();
  EXPECT_THAT(inspect.output(),
              AllOf(HasSubstr("starts       unknown"), HasSubstr("keys         1\n")));
  const std::string to = directory.path() + "/to";
  EXPECT_THAT(Init(to, {"--from", one})->output(), HasSubstr("keys: 1"));
  TestServer server(to);
  EXPECT_EQ(Get(server.stub(), 1).reply.value().data(), "1");
}

TEST(Origin, C5_AnImageAloneCanBeginADatabase) {
  const TemporaryDirectory directory;
  const std::string one = directory.path() + "/one";
  std::string image;
  {
    TestServer server(one);
    ASSERT_TRUE(Set(server.stub(), 1).status.ok());
    grpc::ClientContext context;
    v1::SnapshotReply reply;
    ASSERT_TRUE(server.admin().Snapshot(&context, {}, &reply).ok());
    image = one + "/" + reply.file();
    server.Stop();
  }
  const std::string to = directory.path() + "/to";
  const auto init = Init(to, {"--from-image", image, "--revision-bump", "5"});
  EXPECT_THAT(init->output(), HasSubstr("revision: 6; revisions 2 to 6 are skipped"));
  TestServer server(to);
  EXPECT_EQ(Get(server.stub(), 1).reply.value().data(), "1");
  EXPECT_EQ(Set(server.stub(), 2).reply.revision(), 7u);
  server.Kill();
  TestServer again(to);
  EXPECT_EQ(Get(again.stub(), 2).reply.value().data(), "2");
}

TEST(Inspect, C5_SaysWhetherADirectoryIsInUseAndWhatMayNotBeCommitted) {
  const TemporaryDirectory directory;
  const auto text_of = [](const std::string& data_dir) {
    Process inspect({ProgramPath("triplad"), "inspect", data_dir});
    EXPECT_EQ(inspect.Wait(), 0) << inspect.output();
    return inspect.output();
  };
  TestCluster cluster(directory.path(), {}, std::vector<TestCluster::Place>(1));
  ASSERT_TRUE(Set(cluster.stub(0), 1).status.ok());
  EXPECT_THAT(text_of(cluster.data_dir(0)),
              AllOf(HasSubstr("in use       "), HasSubstr(" is held by process "),
                    HasSubstr("committed    not known")));
  const uint64_t held = cluster.Snapshot(0).log_index();
  ASSERT_TRUE(Set(cluster.stub(0), 2).status.ok());
  cluster.Kill(0);
  EXPECT_THAT(text_of(cluster.data_dir(0)),
              AllOf(Not(HasSubstr("in use")),
                    HasSubstr("committed    up to record " + std::to_string(held) + "; later")));
}

TEST(Inspect, C5_SaysWhatADirectoryIsAndHowFarItKnows) {
  const TemporaryDirectory directory;
  const std::string one = directory.path() + "/one";
  {
    TestServer server(one);
    ASSERT_TRUE(Set(server.stub(), 1).status.ok());
    ASSERT_TRUE(Set(server.stub(), 2).status.ok());
    server.Kill();
  }
  Process inspect({ProgramPath("triplad"), "inspect", one});
  EXPECT_EQ(inspect.Wait(), 0) << inspect.output();
  EXPECT_THAT(inspect.output(),
              AllOf(HasSubstr("of a server that stands alone"), HasSubstr("last record  2\n"),
                    HasSubstr("revision     2\n"), HasSubstr("keys         2\n")));
  Process none({ProgramPath("triplad"), "inspect", directory.path() + "/none"});
  EXPECT_EQ(none.Wait(), 1);
  EXPECT_FALSE(fs::exists(directory.path() + "/none"));
}

}  // namespace
}  // namespace tripla
