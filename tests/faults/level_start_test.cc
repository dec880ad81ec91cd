// SPDX-License-Identifier: Apache-2.0
// R28 on a server that stands alone, with a program that pretends to know level 2.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/process.h"
#include "tests/harness/test_server.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// A server of one of the two programs, which is stopped when this ends.
class Server {
 public:
  Server(const std::string& program, const std::string& data_dir,
         const std::vector<std::string>& flags = {})
      : process_(Argv(program, data_dir, flags)),
        channel_(Connect(process_.AwaitOutput("ready on "))) {}
  ~Server() {
    channel_ = nullptr;
    process_.Signal(SIGTERM);
    EXPECT_EQ(process_.Wait(), 0) << process_.output();
  }

  static std::vector<std::string> Argv(const std::string& program, const std::string& data_dir,
                                       const std::vector<std::string>& flags) {
    std::vector<std::string> argv = {program, "--data-dir", data_dir, "--listen", "127.0.0.1:0"};
    argv.insert(argv.end(), flags.begin(), flags.end());
    return argv;
  }

  std::string Set(const std::string& key) {
    const auto stub = v1::KeyValue::NewStub(channel_);
    return tripla::Set(*stub, key, 0, "lala").status.error_message();
  }
  v1::StatusReply Status() { return StatusOf(channel_); }
  void Snapshot() {
    grpc::ClientContext context;
    v1::SnapshotReply reply;
    EXPECT_TRUE(v1::Admin::NewStub(channel_)->Snapshot(&context, {}, &reply).ok());
  }
  Process& process() { return process_; }

 private:
  Process process_;
  std::shared_ptr<grpc::Channel> channel_;
};

class LevelStart : public testing::Test {
 protected:
  const std::string former_ = ProgramPath("triplad");
  const std::string newer_ = TRIPLA_LEVEL_2;
  const TemporaryDirectory directory_;
  const std::string data_dir_ = directory_.path() + "/d";

  // Both levels are named.
  void ExpectRefusalBy(const std::vector<std::string>& command) {
    if (HasFailure()) return;  // each waits a minute
    Process refused(command);
    refused.AwaitOutput("level 2 is reached");
    if (HasFailure()) return;
    EXPECT_NE(refused.Wait(), 0);
    EXPECT_THAT(refused.output(), AllOf(HasSubstr(data_dir_), HasSubstr("level 2 is reached"),
                                        HasSubstr("knows level 1: use the newer one")));
  }
};

TEST_F(LevelStart, R28_ItIsRaisedAtTheStartAndTheFormerVersionNamesBoth) {
  {
    Server server(former_, data_dir_);
    EXPECT_EQ(server.Set("1"), "");
    EXPECT_EQ(server.Status().level(), 1u);
  }
  std::string hash;
  {
    Server server(newer_, data_dir_, {"--snapshot-interval", "0"});
    EXPECT_EQ(server.Set("2"), "");
    EXPECT_EQ(server.Status().level(), 2u) << "it stands before any write";
    EXPECT_EQ(server.Status().revision(), 2u) << "the map has not changed";
    hash = server.Status().state_hash();
  }
  // The level is in the log, and then in an image.
  for (const bool image : {false, true}) {
    SCOPED_TRACE(image);
    ExpectRefusalBy(Server::Argv(former_, data_dir_, {}));
    ExpectRefusalBy({former_, "inspect", data_dir_});
    ExpectRefusalBy(
        {former_, "init", "--data-dir", directory_.path() + "/new", "--from", data_dir_});
    ExpectRefusalBy({ProgramPath("tripla-verify"), data_dir_});
    Server server(newer_, data_dir_, {"--snapshot-interval", "0"});
    EXPECT_EQ(server.Status().level(), 2u);
    EXPECT_EQ(server.Status().state_hash(), hash);
    server.Snapshot();
  }
}

TEST_F(LevelStart, R28_HeldBackTheFormerVersionMayReturn) {
  for (int round = 0; round < 2; ++round) {
    Server server(newer_, data_dir_, {"--level-max", "1"});
    EXPECT_EQ(server.Set(std::to_string(round)), "");
    EXPECT_EQ(server.Status().level(), 1u);
    EXPECT_EQ(server.Status().level_held_back(), "--level-max 1");
    server.Snapshot();
  }
  Process verify({ProgramPath("tripla-verify"), data_dir_});
  EXPECT_EQ(verify.Wait(), 0) << verify.output();
  {
    Server server(former_, data_dir_, {"--level-max", "1"});
    EXPECT_EQ(server.Status().keys(), 2u);
    EXPECT_EQ(server.Status().level_held_back(), "") << "it knows no other";
  }
  {
    Server server(newer_, data_dir_, {"--level-max", "7"});
    EXPECT_EQ(server.Set("9"), "");
    EXPECT_EQ(server.Status().level(), 2u);
  }
  Server server(newer_, data_dir_, {"--level-max", "1"});
  EXPECT_EQ(server.Status().level(), 2u) << "no level is taken back";
  EXPECT_THAT(server.process().output(), HasSubstr("--level-max 1 holds nothing back"));
}

TEST_F(LevelStart, R28_WithoutALogItIsInTheLastImage) {
  for (int round = 0; round < 2; ++round) {
    Server server(newer_, data_dir_, {"--log", "off"});
    EXPECT_EQ(server.Set(std::to_string(round)), "");
    EXPECT_EQ(server.Status().level(), 2u);
  }
  ExpectRefusalBy(Server::Argv(former_, data_dir_, {}));
}

TEST_F(LevelStart, R28_WhatBeginsWithAStateKeepsItsLevel) {
  {
    Server server(newer_, data_dir_);
    EXPECT_EQ(server.Set("1"), "");
  }
  const std::string other = directory_.path() + "/other";
  Process init({newer_, "init", "--data-dir", other, "--from", data_dir_});
  EXPECT_EQ(init.Wait(), 0) << init.output();
  Process inspect({newer_, "inspect", other});
  EXPECT_EQ(inspect.Wait(), 0);
  EXPECT_THAT(inspect.output(), HasSubstr("level        2\n"));
}

TEST_F(LevelStart, ALevelMaxThatIsNoLevelIsRefused) {
  for (const char* text : {"0", "-1", "x", "", "1.5"}) {
    Process refused(Server::Argv(former_, data_dir_, {"--level-max", text}));
    EXPECT_EQ(refused.Wait(), 2) << text;
    EXPECT_THAT(refused.output(), HasSubstr("is no level; levels are numbers from 1 on"));
  }
}

}  // namespace
}  // namespace tripla
