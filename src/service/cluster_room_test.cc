// SPDX-License-Identifier: Apache-2.0
#include "service/cluster_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace tripla {
namespace {

using testing::AllOf;
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
            {.lead = [this] { return lead_; },
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
  ClusterRoom::Lead lead_ = ClusterRoom::Lead::kYes;
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
  disks_["n2"] = kFull;
  disks_["n3"] = kSilent;
  room.Look();
  const std::string why(room.Check(Write::kAdds).message());
  EXPECT_THAT(why, HasSubstr("2 of the 3 servers"));
  EXPECT_THAT(why, HasSubstr("n2 has none (/n2 has 7 bytes free)"));
  EXPECT_THAT(why, HasSubstr("n3 does not answer"));
  EXPECT_THAT(why, Not(HasSubstr("n1")));
  EXPECT_THAT(why, HasSubstr("delete entries, or free space there"));
  disks_["n2"] = kNoEntries;
  LookLater(room);
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
  lead_ = ClusterRoom::Lead::kNo;
  room.Look();
  EXPECT_TRUE(room.Check(Write::kAdds).ok());
}

// One that was elected while all disks were full led nobody for 24 s and did not say why.
TEST_F(ClusterRoomTest, C7_WhoIsElectedAndCannotBeginSaysSoOnce) {
  lead_ = ClusterRoom::Lead::kElected;
  ClusterRoom room = Make(3);
  disks_["n1"] = disks_["n2"] = kNoEntries;
  testing::internal::CaptureStderr();
  room.Look();
  EXPECT_TRUE(room.Check(Write::kRemoves).ok()) << "the others may have been asked just now";
  now_ += ClusterRoom::kBegin;
  room.Look();
  room.Look();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_EQ(said.find("n1 is elected"), said.rfind("n1 is elected")) << said;
  for (const Write write : {Write::kAdds, Write::kRemoves}) {
    const absl::Status refusal = room.Check(write);
    EXPECT_TRUE(absl::IsResourceExhausted(refusal));
    EXPECT_THAT(std::string(refusal.message()),
                AllOf(HasSubstr("n1 is elected and leads once the first record"),
                      HasSubstr("n1 has none ("), HasSubstr("n2 has none ("), Not(HasSubstr("n3")),
                      Not(HasSubstr("delete entries"))));
  }
  disks_["n1"] = kRoom;
  LookLater(room);
  EXPECT_TRUE(room.Check(Write::kRemoves).ok());
}

TEST_F(ClusterRoomTest, C7_RemovalsAreNotAdvisedWhereTheyAreRefused) {
  ClusterRoom room = Make(3);
  disks_["n2"] = disks_["n3"] = kNoEntries;
  room.Look();
  EXPECT_THAT(std::string(room.Check(Write::kAdds).message()), Not(HasSubstr("delete entries")));
}

TEST_F(ClusterRoomTest, C7_WhatWasSaidLongAgoIsSaidWithItsAge) {
  ClusterRoom room = Make(3);
  disks_["n2"] = disks_["n3"] = kFull;
  room.Look();
  disks_["n2"] = kSilent;
  now_ += std::chrono::seconds(3);
  room.Look();
  EXPECT_THAT(std::string(room.Check(Write::kAdds).message()),
              HasSubstr("n2 has none (/n2 has 7 bytes free, 3 s ago), n3 has none (/n3 has 7 bytes "
                        "free)"));
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
