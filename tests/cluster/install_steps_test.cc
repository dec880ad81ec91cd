// SPDX-License-Identifier: Apache-2.0
// A follower that is too far behind for the log takes an image of the leader: it is killed at each
// step, and the image is damaged (C6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "tests/harness/test_cluster.h"

namespace tripla {
namespace {

using testing::HasSubstr;
using testing::Not;

class Install : public testing::Test {
 protected:
  // One cluster for all tests; each begins and ends with all three servers up.
  static void SetUpTestSuite() {
    directory_ = new TemporaryDirectory();
    cluster_ = new TestCluster(directory_->path(), {"--snapshot-interval", "0"});
  }
  static void TearDownTestSuite() {
    delete cluster_;
    delete directory_;
  }
  static TestCluster& cluster() { return *cluster_; }

  // Stops a follower, and leads the others so far that the log does not reach back to it.
  void FallBehind() {
    leader_ = cluster().AwaitLeader();
    follower_ = cluster().AwaitFollower();
    Write();
    cluster().AwaitSameState();
    cluster().Snapshot(follower_);  // the image that it has to replace
    cluster().Kill(follower_);
    leader_ = cluster().AwaitLeader();
    for (int image = 0; image < 2; ++image) {
      // More than a segment of the log, which goes as a whole.
      for (int i = 0; i < 18; ++i) Write();
      cluster().Snapshot(leader_);
    }
    AwaitTrue([&] { return cluster().Status(leader_).log_bytes() < uint64_t{40} << 20; },
              [&] { return "the log is kept: " + cluster().Status(leader_).DebugString(); });
  }

  void Write() {
    const std::string key = std::to_string(++last_key_);
    const CallAnswer answer = Set(cluster().stub(leader_), key, 0, std::string(1 << 20, 'x') + key);
    EXPECT_TRUE(answer.status.ok()) << answer.status.error_message();
  }

  void ExpectCaughtUp() const {
    cluster().AwaitReady(follower_);
    cluster().AwaitSameState();
    const std::string key = std::to_string(last_key_);
    EXPECT_EQ(Get(cluster().stub(follower_), key).reply.value().data(),
              std::string(1 << 20, 'x') + key);
  }

  int follower_ = 0;
  int leader_ = 0;

 private:
  inline static TemporaryDirectory* directory_ = nullptr;
  inline static TestCluster* cluster_ = nullptr;
  inline static int last_key_ = 0;
};

TEST_F(Install, C6_AFollowerThatIsKilledAtAnyStepComesBack) {
  FallBehind();
  // In the order of their places in an install. An install that one of the last four has cut off is
  // ended by the next start, which the step after it cuts off again.
  for (const char* step : {
           "mkdir:/tmp/snapshot-*",   // what is put aside
           "rename:.image.md5-*",      // all has come
           "fsync:.image",            // before it is put in force
           "rename:/sm",              // makes room for it
           "rename:/tmp/snapshot-*",  // Ratis has it
           "rename:.image",           // it is loaded, and gets among the images
           "unlink:.image.partial",   // one of the images that it replaces
       }) {
    SCOPED_TRACE(step);
    cluster().place(follower_).environment = {"LD_PRELOAD=" TRIPLA_BAD_DISK,
                                              std::string("BAD_DISK=kill@") + step};
    cluster().Start(follower_);
    cluster().process(follower_).AwaitOutput("bad disk: step");
    if (HasFailure()) return;  // it has not come there, and does not end
    EXPECT_EQ(cluster().process(follower_).Wait(), -SIGKILL);
    cluster().Kill(follower_);
    Write();
  }
  cluster().place(follower_).environment.clear();
  cluster().Start(follower_);
  ExpectCaughtUp();
}

// Its sender heard nothing, sent it again for ever, and the follower that it had killed did not
// start any more.
TEST_F(Install, C6_ADamagedImageIsRefusedItsSenderSaysSoAndReplacesIt) {
  FallBehind();
  std::set<std::string> images;
  for (const auto& file :
       std::filesystem::directory_iterator(cluster().data_dir(leader_) + "/image")) {
    images.insert(file.path());
  }
  std::fstream(*images.rbegin(), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(static_cast<std::streamoff>(std::filesystem::file_size(*images.rbegin()) / 2))
      .write("damaged", 7);
  const std::string node = "n" + std::to_string(follower_ + 1);
  cluster().Start(follower_);
  ExpectCaughtUp();
  const std::string& receiver = cluster().process(follower_).output();
  EXPECT_THAT(receiver,
              HasSubstr("an image that the leader sends is refused: the image of record"));
  EXPECT_THAT(receiver, HasSubstr("it has installed the leader's image"));
  EXPECT_THAT(receiver, Not(HasSubstr(" error ")));
  const std::string& sender = cluster().process(leader_).output();
  EXPECT_THAT(sender, HasSubstr(node + " has refused the image of record"));
  EXPECT_THAT(sender, HasSubstr("the checksum of the block does not fit"));
  EXPECT_THAT(sender, HasSubstr(*images.rbegin() + " at offset"));
  EXPECT_THAT(sender, HasSubstr("it is replaced by a new image"));
}

}  // namespace
}  // namespace tripla
