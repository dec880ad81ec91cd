// SPDX-License-Identifier: Apache-2.0
// A replica's directory is made once and belongs to one replica (spec 7): whatever else is found is
// refused with what to do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/harness/formed_replica.h"
#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using testing::HasSubstr;

// What a start says that is refused.
std::string Refusal(std::vector<std::string> flags) {
  flags.insert(flags.begin(), ProgramPath("triplad"));
  Process process(flags);
  EXPECT_NE(process.Wait(), 0) << process.output();
  return process.output();
}

TEST(ReplicaStart, ADirectoryThatIsMissingOrAnothersIsRefusedWithWhatToDo) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/n1";
  EXPECT_THAT(Refusal({"--data-dir", path, "--node", "n1"}),
              testing::AllOf(HasSubstr("is missing or empty"), HasSubstr("triplad init"),
                             HasSubstr("its own directory back")));
  EXPECT_FALSE(std::filesystem::exists(path)) << "a refused start must not make a directory";
  const std::string members = "n1=127.0.0.1:1/127.0.0.1:2,n2=127.0.0.1:3/127.0.0.1:4";
  const auto init = [&](const std::string& node) {
    return std::vector<std::string>{"init", "--data-dir", path,   "--node",
                                    node,   "--cluster",  members};
  };
  EXPECT_THAT(Refusal(init("n9")), HasSubstr("the cluster has no member \"n9\""));
  std::vector<std::string> first = init("n1");
  first.insert(first.begin(), ProgramPath("triplad"));
  Process made(first);
  EXPECT_EQ(made.Wait(), 0);
  EXPECT_THAT(made.output(), HasSubstr("triplad --data-dir " + path + " --node n1\n"));
  EXPECT_THAT(Refusal(init("n2")), HasSubstr("is a replica's already"));
  EXPECT_THAT(Refusal({"--data-dir", path, "--node", "n2"}), HasSubstr("is replica n1's, not"));
  EXPECT_THAT(Refusal({"--data-dir", path, "--log", "off"}), HasSubstr("leave them out"));
}

TEST(ReplicaStart, AReplicaWithoutItsVoteIsRefused) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/n1";
  MakeFormedReplica(path, "n1", "n1=127.0.0.1:1/127.0.0.1:2,n2=127.0.0.1:3/127.0.0.1:4");
  for (const auto& entry : std::filesystem::directory_iterator(path + "/log")) {
    std::filesystem::remove_all(entry.path());
  }
  Process start({ProgramPath("triplad"), "--data-dir", path});
  EXPECT_EQ(start.Wait(), 10) << start.output();
  EXPECT_THAT(start.output(), HasSubstr("raft-meta is missing: without its log and its vote"));
}

TEST(ReplicaStart, DamagedDataIsSaidAsSuch) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/n1";
  const std::vector<std::string> init = {ProgramPath("triplad"),
                                         "init",
                                         "--data-dir",
                                         path,
                                         "--node",
                                         "n1",
                                         "--cluster",
                                         "n1=127.0.0.1:1/127.0.0.1:2,n2=127.0.0.1:3/127.0.0.1:4"};
  EXPECT_EQ(Process(init).Wait(), 0);
  std::ofstream(path + "/format") << "?";
  Process start({ProgramPath("triplad"), "--data-dir", path, "--node", "n1"});
  EXPECT_EQ(start.Wait(), 10) << start.output();
  EXPECT_THAT(start.output(), HasSubstr("the directory is damaged"));
  Process again(init);
  EXPECT_EQ(again.Wait(), 10) << again.output();
  EXPECT_THAT(again.output(), HasSubstr("the directory is damaged"));
}

TEST(ReplicaStart, WhatItLacksToBeAReplicaIsSaid) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/n1";
  Process init(
      {ProgramPath("triplad"), "init", "--data-dir", path, "--node", "n1", "--cluster",
       "n1=127.0.0.1:" + std::to_string(FreePort()) + "/127.0.0.1:" + std::to_string(FreePort())});
  EXPECT_EQ(init.Wait(), 0);
  if (!TRIPLA_RATIS) {
    EXPECT_THAT(init.output(),
                HasSubstr("cannot be started as it is installed now: this triplad was "
                          "built to stand alone"));
  }
  Process start({ProgramPath("triplad"), "--data-dir", path},
                {"TRIPLA_JVM_OPTIONS=-XX:+NoSuchOption"});
  EXPECT_EQ(start.Wait(), 1) << start.output();
  EXPECT_THAT(start.output(), HasSubstr(TRIPLA_RATIS ? "check JAVA_HOME and TRIPLA_JVM_OPTIONS"
                                                     : "was built to stand alone"));
}

// A triplad that was copied without its jars prepared a replica, and only the start failed.
TEST(ReplicaStart, InitSaysThatTheJarsAreMissing) {
  if (!TRIPLA_RATIS) GTEST_SKIP() << "built without replicas";
  TemporaryDirectory directory;
  std::filesystem::create_directory(directory.path() + "/bin");
  const std::string copy = directory.path() + "/bin/triplad";
  std::filesystem::copy_file(ProgramPath("triplad"), copy);
  Process init({copy, "init", "--data-dir", directory.path() + "/n1", "--node", "n1", "--cluster",
                "n1=127.0.0.1:1/127.0.0.1:2,n2=127.0.0.1:3/127.0.0.1:4"});
  EXPECT_EQ(init.Wait(), 0);
  EXPECT_THAT(init.output(), HasSubstr("lib/tripla holds no jars, which a replica needs"));
}

}  // namespace
}  // namespace tripla
