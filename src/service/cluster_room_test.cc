// SPDX-License-Identifier: Apache-2.0
#include "service/cluster_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace tripla {
namespace {

using testing::HasSubstr;
using testing::Not;
using Write = ClusterRoom::Write;

// n1 leads, and each server says what it is told to.
class ClusterRoomTest : public testing::Test {
 protected:
  enum Disk { kRoom, kFull, kNoEntries, kSilent };

  ClusterRoom Make(int servers) {
    std::vector<std::string> others;
    for (int i = 2; i <= servers; ++i) others.push_back("n" + std::to_string(i));
    return {"n1",
            others,
            {.leads = [this] { return leads_; },
             .own = [this] { return State("n1"); },
             .ask =
                 [this](const std::string& node, const ClusterRoom::AnswerFn& answer) {
                   if (disks_[node] != kSilent) return answer(State(node));
                   answer(absl::UnavailableError("down"));
                 },
             .now = [this] { return now_; }}};
  }

  internal::LogStateReply State(const std::string& node) {
    internal::LogStateReply state;
    state.set_last_index(last_[node]);
    state.set_disk_full(disks_[node] != kRoom);
    state.set_takes_no_entries(disks_[node] == kNoEntries);
    state.set_room("/" + node + " has 7 bytes free");
    return state;
  }

  void LookLater(ClusterRoom& room) {
    now_ += ClusterRoom::kTrust;
    room.Look();
  }

  std::map<std::string, Disk> disks_;
  std::map<std::string, LogIndex> last_;
  std::chrono::steady_clock::time_point now_;
  bool leads_ = true;
};

TEST_F(ClusterRoomTest, C7_WritesNeedRoomOnAMajority) {
  ClusterRoom room = Make(3);
  room.Look();
  EXPECT_TRUE(room.Check(Write::kAdds).ok());
  disks_["n2"] = kFull;
  LookLater(room);
  EXPECT_TRUE(room.Check(Write::kAdds).ok()) << "two of three have room";
  disks_["n3"] = kFull;
  LookLater(room);
  EXPECT_TRUE(absl::IsResourceExhausted(room.Check(Write::kAdds)));
  EXPECT_TRUE(room.Check(Write::kRemoves).ok());
  disks_["n2"] = kRoom;
  LookLater(room);
  EXPECT_TRUE(room.Check(Write::kAdds).ok());
}

TEST_F(ClusterRoomTest, C7_OfFiveThreeAreEnough) {
  ClusterRoom room = Make(5);
  disks_["n2"] = disks_["n3"] = kNoEntries;
  room.Look();
  EXPECT_TRUE(room.Check(Write::kAdds).ok());
  disks_["n4"] = kFull;
  LookLater(room);
  EXPECT_FALSE(room.Check(Write::kAdds).ok());
  EXPECT_TRUE(room.Check(Write::kRemoves).ok());
  disks_["n4"] = kNoEntries;
  LookLater(room);
  EXPECT_FALSE(room.Check(Write::kRemoves).ok());
}

TEST_F(ClusterRoomTest, C7_TheRefusalNamesTheDisksAndSaysWhatToDo) {
  ClusterRoom room = Make(3);
  disks_["n2"] = kNoEntries;
  disks_["n3"] = kSilent;
  room.Look();
  const std::string why(room.Check(Write::kAdds).message());
  EXPECT_THAT(why, HasSubstr("2 of the 3 servers"));
  EXPECT_THAT(why, HasSubstr("n2 has none (/n2 has 7 bytes free)"));
  EXPECT_THAT(why, HasSubstr("n3 does not answer"));
  EXPECT_THAT(why, Not(HasSubstr("n1")));
  EXPECT_THAT(why, HasSubstr("delete entries, or free space there"));
  const std::string removal(room.Check(Write::kRemoves).message());
  EXPECT_THAT(removal, HasSubstr("all writes are refused"));
  EXPECT_THAT(removal, Not(HasSubstr("delete entries")));
}

TEST_F(ClusterRoomTest, C7_ServersThatAreDownAreNoReasonByThemselves) {
  ClusterRoom room = Make(3);
  disks_["n2"] = disks_["n3"] = kSilent;
  room.Look();
  EXPECT_TRUE(room.Check(Write::kAdds).ok()) << "the log itself says that there is no majority";
}

TEST_F(ClusterRoomTest, C7_WithoutTheLeadersOwnDiskNothingIsCommitted) {
  ClusterRoom room = Make(3);
  disks_["n1"] = kNoEntries;
  room.Look();
  EXPECT_FALSE(room.Check(Write::kRemoves).ok());
}

TEST_F(ClusterRoomTest, C7_AFollowerRefusesNothing) {
  ClusterRoom room = Make(3);
  disks_["n1"] = disks_["n2"] = kNoEntries;
  room.Look();
  EXPECT_FALSE(room.Check(Write::kAdds).ok());
  leads_ = false;
  room.Look();
  EXPECT_TRUE(room.Check(Write::kAdds).ok());
}

TEST_F(ClusterRoomTest, C7_LeadershipGoesOnlyWhereAMajorityHasRoom) {
  ClusterRoom room = Make(3);
  disks_["n1"] = kFull;
  last_ = {{"n1", 5}, {"n2", 4}, {"n3", 5}};
  room.Look();
  EXPECT_EQ(room.Successor(), "") << "the others may be filled at this moment too";
  LookLater(room);
  EXPECT_EQ(room.Successor(), "n3") << "n2 lacks an entry";
  disks_["n2"] = kFull;
  LookLater(room);
  EXPECT_EQ(room.Successor(), "") << "n3 could commit nothing";
}

}  // namespace
}  // namespace tripla
