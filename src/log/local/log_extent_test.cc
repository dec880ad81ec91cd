// SPDX-License-Identifier: Apache-2.0
// A log without its end, or a missing log, does not start (R18a): after an orderly stop any loss is
// noticed, after a crash that of any segment.
#include "log/local/log_extent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "disk/faulty_disk.h"
#include "log/local/test_log.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::string kLog = "/data/log";
const std::string kExtent = "/data/log-extent";
constexpr LogIndex kLast = 16;  // the last segment holds several records

class LogExtentTest : public testing::Test {
 protected:
  void SetUp() override { Run(kLast); }

  // Opens the log and takes records up to `last`.
  void Run(LogIndex last) {
    ASSERT_TRUE(log_.Open().ok());
    while (log_->GetStats().last.index < last) ASSERT_TRUE(log_.SubmitNext().ok());
  }
  void Stop() { log_.Close(); }
  void Kill() {
    disk_.Restart(FaultyDisk::Unsynced::kKept);
    log_.Close();
  }

  std::vector<std::string> Segments() {
    std::vector<std::string> paths;
    const std::vector<std::string> names = *disk_.List(kLog);
    for (const std::string& name : names) paths.push_back(kLog + "/" + name);
    return paths;
  }
  std::string Read(const std::string& path) {
    const auto file = *disk_.Open(path, OpenMode::kRead);
    std::string bytes(*file->Size(), '\0');
    EXPECT_EQ(*file->ReadAt(0, bytes.data(), bytes.size()), bytes.size());
    return bytes;
  }
  void Put(const std::string& path, const std::string& bytes) {
    (void)disk_.Remove(path);
    const auto file = *disk_.Open(path, OpenMode::kCreateFresh);
    ASSERT_TRUE(file->WriteAt(0, bytes).ok());
  }

  // A start finds that something is missing, says what, and changes nothing.
  void ExpectMissed(const std::vector<std::string>& words, LogIndex image = 0) {
    std::map<std::string, std::string> before;
    for (const std::string& path : Segments()) before[path] = Read(path);
    const absl::Status status = log_.Open(image);
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(word));
    }
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("offset"), HasSubstr("restore")));
    std::map<std::string, std::string> after;
    for (const std::string& path : Segments()) after[path] = Read(path);
    EXPECT_EQ(before, after);
  }

  FaultyDisk disk_;
  TestLog log_{disk_};
};

TEST_F(LogExtentTest, R18a_AMissingNewestSegmentIsMissedAfterAStopAndAfterAKill) {
  for (const bool killed : {false, true}) {
    Run(killed ? 40 : kLast);
    killed ? Kill() : Stop();
    const std::vector<std::string> segments = Segments();
    std::map<std::string, std::string> removed;
    // The newest, the newest two …, all of them.
    for (size_t left = segments.size(); left-- > 0;) {
      SCOPED_TRACE(testing::Message() << left << " segments left, killed: " << killed);
      removed[segments[left]] = Read(segments[left]);
      ASSERT_TRUE(disk_.Remove(segments[left]).ok());
      ExpectMissed({segments.back(), kExtent});
    }
    for (const auto& [path, bytes] : removed) Put(path, bytes);
  }
}

TEST_F(LogExtentTest, R18a_AMissingLogIsMissedAlsoWhereAnImageHoldsAllOfIt) {
  Stop();
  for (const std::string& path : Segments()) ASSERT_TRUE(disk_.Remove(path).ok());
  ExpectMissed({kExtent, kLog});
  ExpectMissed({kExtent, kLog}, /*image=*/10);
  ExpectMissed({kExtent, kLog}, /*image=*/kLast);
}

TEST_F(LogExtentTest, R18a_ARecordThatWasTakenOutOfTheEndIsMissedAfterAStop) {
  Stop();
  const std::string path = Segments().back();
  const std::string bytes = Read(path);
  std::vector<uint64_t> offsets;
  const LogIndex first = wal::DecodeSegmentHeader(bytes)->first_index;
  ASSERT_TRUE(ScanSegment(*ReadSegment(disk_, path, first), [&](LogIndex, std::string_view,
                                                                uint64_t offset) {
                return offsets.push_back(offset), absl::OkStatus();
              }).ok());
  ASSERT_GT(offsets.size(), 2u);
  for (const uint64_t offset : offsets) {
    Put(path, bytes.substr(0, offset) + std::string(bytes.size() - offset, '\0'));
    ExpectMissed({path, "offset " + std::to_string(offset), "all records up to 16"});
  }
}

TEST_F(LogExtentTest, R18a_WhatWasPromisedHoldsThroughAStartThatIsKilledBeforeItsFirstWrite) {
  Stop();
  ASSERT_TRUE(log_.Open().ok());
  Kill();
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_EQ(log_.batches(), SampleBatches(1, kLast));
  Kill();
  ASSERT_TRUE(disk_.Remove(Segments().back()).ok());
  ExpectMissed({kExtent});
}

TEST_F(LogExtentTest, R18a_ALogThatEndsBeforeTheImageIsMissed) {
  Kill();
  ExpectMissed({"up to 40", "record 16", Segments().back()}, /*image=*/40);
}

TEST_F(LogExtentTest, R18a_AnImageThatIsGoneIsMissedWhereTheLogDoesNotReachBack) {
  ASSERT_TRUE(log_->ReleasePrefix(12, Log::Release::kUsual).ok());
  Stop();
  ASSERT_TRUE(log_.Open(12).ok());
  Stop();
  ExpectMissed({Segments().front(), "restore the missing"});
}

TEST_F(LogExtentTest, R18a_ItsOwnFileIsMissed) {
  Kill();
  ASSERT_TRUE(disk_.Remove(kExtent).ok());
  ExpectMissed({kExtent + " is missing"});
}

TEST_F(LogExtentTest, R18a_ASegmentOfAnotherDatabaseIsNamed) {
  Stop();
  TestLog other(disk_, {}, "/other");
  ASSERT_TRUE(other.Open().ok());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(other.SubmitNext().ok());
  other.Close();
  const std::string path = Segments().back();
  Put(path, Read("/other/log" + path.substr(kLog.size())));
  ExpectMissed({path, "offset 48", "another log"});
}

TEST_F(LogExtentTest, AStartMakesAPromiseWhereAFormerVersionMadeNone) {
  Kill();
  // As in format 1: no log id, no extent.
  for (const std::string& path : Segments()) {
    std::string bytes = Read(path);
    bytes[8] = 1;
    const uint64_t checksum = wal::PayloadChecksum(std::string_view(bytes).substr(0, 40));
    StoreLittleEndian(bytes.data() + 40, checksum);
    std::fill(bytes.begin() + 48, bytes.begin() + 512, '\0');
    Put(path, bytes);
  }
  ASSERT_TRUE(disk_.Remove(kExtent).ok());
  const std::string newest = Segments().back();
  const std::string bytes = Read(newest);
  // There is no extent yet …
  ASSERT_TRUE(disk_.Remove(newest).ok());
  ASSERT_TRUE(log_.Open().ok());
  Kill();
  Put(newest, bytes);
  // … and from now on there is one.
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_EQ(log_.batches(), SampleBatches(1, kLast));
  Stop();
  ASSERT_TRUE(disk_.Remove(newest).ok());
  ExpectMissed({newest});
}

TEST_F(LogExtentTest, AWriteOfItThatWasCutOffLeavesTheOneBefore) {
  Stop();
  const std::string bytes = Read(kExtent);
  const DataDirectory directory = *DataDirectory::OpenReadOnly(disk_, "/data");
  const Extent newest = **LogExtent::Read(directory);
  for (const size_t slot : {0, 4096}) {
    for (size_t at = slot; at < slot + 56; ++at) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(changed[at] ^ 1);
      Put(kExtent, changed);
      const auto read = LogExtent::Read(directory);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_LE((*read)->reached, newest.reached);
      EXPECT_EQ((*read)->log_id, newest.log_id);
      ASSERT_TRUE(log_.Open().ok());
      Kill();
    }
  }
  Put(kExtent, std::string(8192, '\0'));
  ExpectMissed({kExtent + " is damaged"});
  Put(kExtent, "");
  ExpectMissed({kExtent + " is damaged"});
}

TEST_F(LogExtentTest, ALaterFormatIsRefusedByName) {
  Stop();
  for (const size_t at : {8, 12}) {  // the format, and flags
    std::string bytes = Read(kExtent);
    for (const size_t slot : {0, 4096}) {
      bytes[slot + at] = 9;
      const uint64_t checksum = wal::PayloadChecksum(std::string_view(bytes).substr(slot, 48));
      StoreLittleEndian(bytes.data() + slot + 48, checksum);
    }
    Put(kExtent, bytes);
    const absl::Status status = log_.Open();
    EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(kExtent), HasSubstr("newer")));
    log_.Close();
  }
}

TEST_F(LogExtentTest, WithoutRoomForItAnOldDirectoryStartsAndRefusesTheNextSegment) {
  Kill();
  for (const std::string& path : Segments()) ASSERT_TRUE(disk_.Remove(path).ok());
  ASSERT_TRUE(disk_.Remove(kExtent).ok());
  disk_.SetCapacity(0);
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_TRUE(absl::IsResourceExhausted(log_.SubmitNext()));
  disk_.SetCapacity(UINT64_MAX);
  ASSERT_TRUE(log_.SubmitNext().ok());
  Kill();
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_EQ(log_.batches(), SampleBatches(1, 1));
}

}  // namespace
}  // namespace tripla
