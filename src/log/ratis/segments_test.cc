// SPDX-License-Identifier: Apache-2.0
#include "log/ratis/segments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/escaping.h"
#include "disk/faulty_disk.h"
#include "model/batch_codec.h"

namespace tripla {
namespace {

using testing::HasSubstr;

// The beginning of a segment that Ratis 3.3.0 has written, and an entry of it.
const std::string kBegin =
    "RaftLog1" +
    absl::HexStringToBytes(
        "52080510a001224b0a170a026e31120f3132372e302e302e313a343235303338020a170a026e32120f3132372e"
        "302e302e313a353835363538020a170a026e33120f3132372e302e302e313a3333363433380225c3f6c2");
const std::string kEntry = absl::HexStringToBytes(
    "7b080510a1011a740a5e0100000005011500000003000000e44f0945513f38e301000000000000000000000000"
    "000000d5aeaba247b1151c1f0cbe947eaed01401000000000000000100000000000000946c65e3e9054d3e914c"
    "c373070000000000000000342e31721090d0514e40c046559ec99c897a5870d17801a29257c2");
constexpr size_t kSector = 512;
constexpr size_t kPage = 4096;

class Segments : public testing::Test {
 protected:
  Segments()
      : directory_(*DataDirectory::Open(disk_, "d")),
        membership_(*ParseMembership("n1", "n1=a:1/a:2,n2=b:1/b:2")) {
    EXPECT_TRUE(InitializeReplica(directory_, membership_).ok());
    membership_.cluster = ClusterIdOf({1, 2});
    EXPECT_TRUE(JoinCluster(directory_, membership_, *ReadStarts(directory_)).ok());
    EXPECT_TRUE(PrepareFirstStart(directory_, membership_).ok());
    file_ = *disk_.Open(RatisLogPath(directory_, membership_) + "/log_inprogress_160",
                        OpenMode::kCreateFresh);
  }

  void Write(const std::string& name, const std::string& content) {
    const std::string path = RatisLogPath(directory_, membership_) + "/" + name;
    if (absl::Status removed = disk_.Remove(path); !absl::IsNotFound(removed)) {
      EXPECT_TRUE(removed.ok());
    }
    EXPECT_TRUE((*disk_.Open(path, OpenMode::kCreateFresh))->WriteAt(0, content).ok());
  }

  absl::Status Check(LogIndex in_image = 0) {
    return CheckSegments(directory_, membership_, in_image).status();
  }

  // What stands in the file, zeros behind it, and what is left of it.
  absl::StatusOr<std::string> Cut(const std::string& content) {
    EXPECT_TRUE(file_->Truncate(0).ok());
    EXPECT_TRUE(file_->WriteAt(0, content).ok());
    EXPECT_TRUE(file_->Truncate(size_t{1} << 16).ok());
    if (absl::Status status = Check(); !status.ok()) return status;
    std::string left(*file_->Size(), '\0');
    EXPECT_TRUE(file_->ReadAt(0, left.data(), left.size()).ok());
    return left.substr(0, left.find_last_not_of('\0') + 1);
  }

  FaultyDisk disk_;
  DataDirectory directory_;
  Membership membership_;
  std::unique_ptr<File> file_;
};

testing::Matcher<absl::Status> IsDamage(const std::string& where) {
  return testing::AllOf(
      testing::ResultOf("is DataLoss", absl::IsDataLoss, true),
      testing::ResultOf(
          "message", [](const absl::Status& status) { return std::string(status.message()); },
          testing::AllOf(HasSubstr(where), HasSubstr("--rebuild"))));
}

std::string Repeated(const std::string& entry, size_t count) {
  std::string entries;
  for (size_t i = 0; i < count; ++i) entries += entry;
  return entries;
}

std::string Entries(size_t count) { return kBegin + Repeated(kEntry, count); }

TEST_F(Segments, WholeEntriesStay) {
  for (size_t count = 0; count < 20; ++count) EXPECT_EQ(*Cut(Entries(count)), Entries(count));
}

// Its length says 16,383 bytes; its checksum is wrong.
std::string LargeEntry() { return "\xff\x7f" + std::string(0x3fff + 4, 'x'); }

// In the order of the log: the place, and how many commands it holds (-1: it is Ratis's own).
TEST_F(Segments, EntriesAreReadAsRatisWroteThem) {
  ASSERT_TRUE(Cut(Entries(1) + LargeEntry().substr(0, 100)).ok());
  std::vector<std::string> read;
  const auto take = [&](LogPosition position, std::optional<std::string_view> bytes) {
    const int commands = bytes ? static_cast<int>(DecodeBatch(*bytes)->commands.size()) : -1;
    read.push_back(std::to_string(position.term) + ":" + std::to_string(position.index) + " " +
                   std::to_string(commands));
    return absl::OkStatus();
  };
  ASSERT_TRUE(ReadEntries(directory_, membership_, 159, take).ok());
  EXPECT_THAT(read, testing::ElementsAre("5:160 -1", "5:161 1"));
  read.clear();
  ASSERT_TRUE(ReadEntries(directory_, membership_, 160, take).ok());
  EXPECT_THAT(read, testing::ElementsAre("5:161 1"));
  EXPECT_EQ(*LastIndexInSegments(directory_, membership_), 161u);
  EXPECT_EQ(*CheckSegments(directory_, membership_, 0), (LogPosition{.term = 5, .index = 161}));
  EXPECT_TRUE(absl::IsDataLoss(ReadEntries(directory_, membership_, 158, take)));
  file_->WriteAt(Entries(0).size() + 20, "damage").IgnoreError();
  EXPECT_TRUE(absl::IsDataLoss(ReadEntries(directory_, membership_, 160, take)));
}

TEST_F(Segments, AnEntryThatIsCutOffAtASectorGoesAndNothingElse) {
  for (size_t sector = 1; sector < 8; ++sector) {
    const std::string written = Entries(30).substr(0, sector * kSector);
    const size_t whole = (written.size() - kBegin.size()) / kEntry.size();
    EXPECT_EQ(*Cut(written), Entries(whole)) << "cut off after sector " << sector;
  }
}

// So many entries, of whose first page only so many are there.
std::string WithoutEndOfPage(size_t there, size_t count) {
  std::string entries = Entries(count);
  const size_t end = Entries(there).size();
  return entries.replace(end, kPage - end, kPage - end, '\0');
}

TEST_F(Segments, WhereAPowerCutLeftOutAPageOfTheLastEntriesTheyGo) {
  // A page whose beginning was durable before.
  const size_t durable = (kPage - kBegin.size()) / kEntry.size() - 1;
  EXPECT_EQ(*Cut(WithoutEndOfPage(durable, durable + 10)), Entries(durable));
  // A page within an entry, with as many behind it as may be on their way.
  const std::string large = Entries(3) + LargeEntry();
  std::string lost_middle = large + Repeated(kEntry, 8);
  lost_middle.replace(kPage, kPage, kPage, '\0');
  EXPECT_EQ(*Cut(lost_middle), Entries(3));
}

TEST_F(Segments, AnEntryWithZerosThatMoreFollowThanCanHaveBeenOnTheirWayIsDamaged) {
  std::string lost = Entries(3) + LargeEntry() + Repeated(kEntry, 9);
  lost.replace(kPage, kPage, kPage, '\0');
  EXPECT_TRUE(absl::IsDataLoss(Cut(lost).status()));
  const size_t durable = (kPage - kBegin.size()) / kEntry.size() - 1;
  EXPECT_TRUE(absl::IsDataLoss(Cut(WithoutEndOfPage(durable, durable + 11)).status()));
  EXPECT_TRUE(absl::IsDataLoss(Cut(Entries(3) + LargeEntry() + kEntry).status()));
}

TEST_F(Segments, ABitThatFlippedIsDamageWhereverItIs) {
  const std::string entries = Entries(6);
  for (size_t offset = 0; offset < entries.size(); ++offset) {
    std::string damaged = entries;
    damaged[offset] ^= 1;
    ASSERT_THAT(Cut(damaged).status(), IsDamage("/log_inprogress_160 at offset "))
        << "at offset " << offset;
  }
}

TEST_F(Segments, AHeaderThatIsGoneIsDamageWhenEntriesStandBehindIt) {
  EXPECT_THAT(Cut(std::string(8, '\0') + Entries(3).substr(8)).status(),
              IsDamage(" at offset 0: "));
  EXPECT_EQ(*Cut("Raft"), "Raft") << "no entry was written yet";
}

// Where the entry begins that holds the byte at this offset, or the header.
size_t EntryAt(size_t offset) {
  if (offset < 8) return 0;
  if (offset < kBegin.size()) return 8;
  return offset - (offset - kBegin.size()) % kEntry.size();
}

TEST_F(Segments, AClosedOneIsDamagedByAnyBitThatFlippedAndByAnyEndThatIsMissing) {
  const std::string entries = Entries(6);
  Write("log_153-159", entries);
  ASSERT_TRUE(Check().ok());
  for (size_t offset = 0; offset < entries.size(); ++offset) {
    const std::string where = "/log_153-159 at offset " + std::to_string(EntryAt(offset)) + ": ";
    std::string damaged = entries;
    damaged[offset] ^= 1;
    Write("log_153-159", damaged);
    ASSERT_THAT(Check(), IsDamage(where)) << "at offset " << offset;
    Write("log_153-159", entries.substr(0, offset));
    ASSERT_THAT(Check(), IsDamage(where)) << "cut off at offset " << offset;
    Write("log_153-159", entries.substr(0, offset) + std::string(entries.size() - offset, '\0'));
    ASSERT_THAT(Check(), IsDamage(where)) << "zeros from offset " << offset;
  }
}

TEST_F(Segments, AClosedOneHoldsTheEntriesOfItsNameAndPerhapsZeros) {
  Write("log_153-159", Entries(6) + std::string(kPage, '\0'));
  EXPECT_TRUE(Check().ok()) << Check();
  Write("log_153-159", Entries(7));
  EXPECT_THAT(Check(), IsDamage("it holds 8 entries and should hold 7"));
  Write("log_153-159", Entries(6) + "x");
  EXPECT_THAT(Check(), IsDamage(" an entry is damaged; "));
}

TEST_F(Segments, OneThatIsMissingBetweenTwoIsNamed) {
  Write("log_7-9", Entries(2));
  Write("log_10-11", Entries(1));
  Write("log_12-12", Entries(0));
  Write("log_14-15.copy", "no segment");
  EXPECT_EQ(*Cut(""), "") << "Ratis removes one without entries";
  EXPECT_THAT(Cut(Entries(0)).status(),
              IsDamage("/log_inprogress_160 at offset 0: it begins with entry 160, but entry 13 "));
  EXPECT_TRUE(disk_.Remove(RatisLogPath(directory_, membership_) + "/log_10-11").ok());
  EXPECT_THAT(Check(), IsDamage("/log_12-12 at offset 0: it begins with entry 12, but entry 10 "));
}

TEST_F(Segments, C2_ThoseThatAnInstalledImageLeftBehindAreRemovedAndNoneElse) {
  Write("log_7-9", Entries(2));
  Write("log_10-11", Entries(1));
  Write("log_20-22", Entries(2));
  EXPECT_TRUE(file_->Truncate(0).ok());
  EXPECT_THAT(Check(18),
              IsDamage("/log_20-22 at offset 0: it begins with entry 20, but entry 12 "));
  EXPECT_EQ(*FirstIndexInSegments(directory_, membership_), 7u);
  EXPECT_TRUE(Check(19).ok());
  EXPECT_EQ(*FirstIndexInSegments(directory_, membership_), 20u);
  EXPECT_TRUE(Check(0).ok()) << "the log has no gap any more";
}

TEST_F(Segments, TheirNamesSayWhereTheLogBegins) {
  EXPECT_EQ(*FirstIndexInSegments(directory_, membership_), 160u);
  Write("log_17-159", "");
  Write("log_nothing", "");
  Write("raft-meta", "term=1");
  EXPECT_EQ(*FirstIndexInSegments(directory_, membership_), 17u);
  Write("log_0-16", "");
  EXPECT_EQ(*FirstIndexInSegments(directory_, membership_), 1u);
}

}  // namespace
}  // namespace tripla
