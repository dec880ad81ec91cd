// SPDX-License-Identifier: Apache-2.0
// Damage and torn ends (R19): a torn end is dropped with a warning; everything else stops the start
// with file and offset; no single changed byte loses a record silently.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "disk/faulty_disk.h"
#include "log/local/log_replay.h"
#include "log/local/test_log.h"
#include "log/local/wal_format.h"
#include "model/batch_codec.h"
#include "model/little_endian.h"
#include "tests/harness/dose.h"

namespace tripla {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr LogIndex kLast = 16;  // the last segment holds several records, over more than a sector

// A log on a disk in memory, closed, whose files can be changed and put back.
class LogDamageTest : public testing::Test {
 protected:
  // Where a record lies.
  struct Place {
    LogIndex index;
    std::string path;
    uint64_t begin;
    uint64_t end;  // exclusive
  };

  void SetUp() override { Write(kLast); }

  void Write(LogIndex last) {
    TestLog log(disk_);
    ASSERT_TRUE(log.Open().ok());
    while (log->GetStats().last.index < last) ASSERT_TRUE(log.SubmitNext().ok());
    // As kill -9 does: after an orderly stop no end may be torn (log_extent_test.cc).
    disk_.Restart(FaultyDisk::Unsynced::kKept);
    log.Close();
    const std::vector<std::string> names = *disk_.List("/data/log");
    for (const std::string& name : names) {
      const std::string path = "/data/log/" + name;
      files_[path] = Read(path);
    }
    extent_ = Read("/data/log-extent");
    ASSERT_TRUE(Replay().ok());
    ASSERT_EQ(batches_, SampleBatches(1, last));
    intact_ = places_;
  }

  // Reads the log as a start would, into batches_ and places_.
  absl::StatusOr<LogContent> Replay() {
    batches_.clear();
    places_.clear();
    const DataDirectory directory = *DataDirectory::OpenReadOnly(disk_, "/data");
    return ReplayLog(
        directory, 0, [&](LogIndex index, Batch batch, const std::string& path, uint64_t offset) {
          std::string payload;
          EncodeBatch(batch, payload);
          places_.push_back({index, path, offset, offset + wal::RecordBytes(payload.size())});
          batches_[index] = std::move(batch);
          return absl::OkStatus();
        });
  }

  std::string Read(const std::string& path) {
    const auto file = *disk_.Open(path, OpenMode::kRead);
    std::string bytes(*file->Size(), '\0');
    EXPECT_EQ(*file->ReadAt(0, bytes.data(), bytes.size()), bytes.size());
    return bytes;
  }
  void Put(const std::string& path, std::string_view bytes) {
    const auto file = *disk_.Open(path, OpenMode::kReadWrite);
    ASSERT_TRUE(file->Truncate(bytes.size()).ok());
    ASSERT_TRUE(file->WriteAt(0, bytes).ok());
  }
  void PutBack() {
    for (const auto& [path, bytes] : files_) Put(path, bytes);
    Put("/data/log-extent", extent_);
  }

  void ExpectDataLossIn(const std::string& path) {
    const absl::Status status = Replay().status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(path), HasSubstr("offset ")));
  }

  // Starts: the torn end is dropped with a warning, and the next batch is kept.
  void ExpectTornBehind(LogIndex last) {
    TestLog log(disk_);
    testing::internal::CaptureStderr();
    const absl::Status opened = log.Open();
    const std::string said = testing::internal::GetCapturedStderr();
    ASSERT_TRUE(opened.ok()) << opened;
    EXPECT_THAT(said, AllOf(HasSubstr(LastPath() + ", offset "),
                            HasSubstr("record " + std::to_string(last + 1) + " is torn")));
    ASSERT_EQ(log.batches(), SampleBatches(1, last));
    ASSERT_TRUE(log.SubmitNext().ok());
    disk_.Restart(FaultyDisk::Unsynced::kKept);
    log.Close();
    testing::internal::CaptureStderr();
    ASSERT_TRUE(log.Open().ok());
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
    ASSERT_EQ(log.batches(), SampleBatches(1, last + 1));
    disk_.Restart(FaultyDisk::Unsynced::kKept);
  }

  // The last byte that the record needs: it is valid without the end mark and zeros before that.
  size_t LastByteOf(const Place& place) const {
    return files_.at(place.path).find_last_not_of('\0', place.end - 2);
  }

  const std::string& LastPath() const { return files_.rbegin()->first; }

  // A copy of the last file with a changed header of the last record and a matching checksum.
  template <typename Change>
  std::string WithLastHeader(Change change) {
    std::string bytes = files_.rbegin()->second;
    const uint64_t salt = wal::DecodeSegmentHeader(bytes)->salt;
    char* at = bytes.data() + intact_.back().begin;
    wal::RecordHeader header = *wal::DecodeRecordHeader({at, wal::kRecordHeaderBytes}, salt);
    change(header);
    wal::EncodeRecordHeader(header, salt, at);
    return bytes;
  }

  FaultyDisk disk_;
  std::map<std::string, std::string> files_;  // the segments
  std::string extent_;
  std::map<LogIndex, Batch> batches_;
  std::vector<Place> places_;
  std::vector<Place> intact_;
};

TEST_F(LogDamageTest, NoChangedByteLosesARecord) {
  for (const auto& [path, bytes] : files_) {
    std::string changed = bytes;
    for (size_t at = 0; at < bytes.size(); at += kCaseStride) {
      const char old = bytes[at];
      std::set<char> values = {'\0', '\xff'};
      for (int bit = 0; bit < 8; ++bit) values.insert(static_cast<char>(old ^ 1 << bit));
      values.erase(old);
      for (const char value : values) {
        changed[at] = value;
        Put(path, changed);
        SCOPED_TRACE(testing::Message() << path << " byte " << at << " as " << int{value});
        const absl::StatusOr<LogContent> content = Replay();
        if (content.ok()) {
          ASSERT_EQ(batches_.size(), kLast) << "records are lost";
          const bool mark_gone = old == wal::kEndMark && value == '\0';
          ASSERT_TRUE(!content->last_end.clean || mark_gone) << "it went unnoticed";
        } else {
          ASSERT_TRUE(absl::IsDataLoss(content.status())) << content.status();
          const std::string message(content.status().message());
          ASSERT_NE(message.find(path), std::string::npos) << message;
          ASSERT_NE(message.find("offset "), std::string::npos) << message;
        }
      }
      changed[at] = old;
    }
    Put(path, bytes);
  }
}

TEST_F(LogDamageTest, ACutFileIsDataLossWhereverItIsCut) {
  for (const auto& [path, bytes] : files_) {
    for (size_t size = 0; size < bytes.size() && !HasFailure(); size += kCaseStride) {
      Put(path, std::string_view(bytes).substr(0, size));
      SCOPED_TRACE(size);
      ExpectDataLossIn(path);
    }
    Put(path, bytes + '\0');
    ExpectDataLossIn(path);
    PutBack();
  }
}

TEST_F(LogDamageTest, AnEndThatWasNotWrittenIsDroppedAndSaidWhereverItBegins) {
  const std::string& bytes = files_.rbegin()->second;
  for (size_t from = wal::kSectorBytes; from < intact_.back().end; from += kCaseStride) {
    SCOPED_TRACE(from);
    std::string torn = bytes;
    std::fill(torn.begin() + static_cast<ptrdiff_t>(from), torn.end(), '\0');
    Put(LastPath(), torn);
    const auto first_cut = std::find_if(intact_.begin(), intact_.end(), [&](const Place& place) {
      return place.path == LastPath() && LastByteOf(place) >= from;
    });
    const absl::StatusOr<LogContent> content = Replay();
    ASSERT_TRUE(content.ok()) << content.status();
    const LogIndex last = first_cut == intact_.end() ? kLast : first_cut->index - 1;
    ASSERT_EQ(batches_, SampleBatches(1, last));
    const bool begun =
        last < kLast && torn.find_first_not_of('\0', first_cut->begin) != std::string::npos;
    ASSERT_EQ(content->last_end.clean, !begun);
    if (begun) ExpectTornBehind(last);
    PutBack();
  }
}

TEST_F(LogDamageTest, AnEndThatWasNotWrittenInAnEarlierSegmentIsDataLoss) {
  for (const auto& [path, bytes] : files_) {
    if (path == LastPath()) continue;
    size_t last_byte = 0;
    for (const Place& place : intact_) {
      if (place.path == path) last_byte = LastByteOf(place);
    }
    for (size_t from = wal::kSectorBytes; from <= last_byte && !HasFailure(); from += kCaseStride) {
      SCOPED_TRACE(from);
      Put(path, bytes.substr(0, from) + std::string(bytes.size() - from, '\0'));
      ExpectDataLossIn(path);
    }
    PutBack();
  }
}

TEST_F(LogDamageTest, AnUnwrittenSectorIsDataLossWhenALaterRecordProvesIt) {
  for (const auto& file : files_) {
    const std::string& path = file.first;
    const std::string& bytes = file.second;
    for (size_t sector = 0; sector < bytes.size(); sector += wal::kSectorBytes) {
      const auto inside = [&](const Place& place) {
        return place.path == path && place.begin / wal::kSectorBytes == sector / wal::kSectorBytes;
      };
      // The last record has no proof, nor have those whose followers are all in this sector.
      const auto follower = std::find_if(intact_.begin(), intact_.end(), [&](const Place& place) {
        return place.path == path && place.end > sector;
      });
      const bool proved = sector == 0 || (follower < intact_.end() - 1 &&
                                          !std::all_of(follower + 1, intact_.end(), inside));
      if (!proved) continue;
      SCOPED_TRACE(sector);
      std::string lost = bytes;
      std::fill_n(lost.begin() + static_cast<ptrdiff_t>(sector), wal::kSectorBytes, '\0');
      if (lost == bytes) continue;
      Put(path, lost);
      ExpectDataLossIn(path);
      PutBack();
    }
  }
}

TEST_F(LogDamageTest, ALengthBeyondTheFileIsNotBelieved) {
  Put(LastPath(),
      WithLastHeader([](wal::RecordHeader& header) { header.payload_bytes = UINT32_MAX; }));
  ExpectDataLossIn(LastPath());
  EXPECT_THAT(std::string(Replay().status().message()), HasSubstr("length 4294967295"));
}

TEST_F(LogDamageTest, ARecordAtAnotherPlaceIsDataLoss) {
  for (const LogIndex index : {LogIndex{0}, kLast - 1, kLast + 1}) {
    Put(LastPath(), WithLastHeader([&](wal::RecordHeader& header) { header.index = index; }));
    ExpectDataLossIn(LastPath());
  }
}

TEST_F(LogDamageTest, ALaterFormatIsRefusedByName) {
  Put(LastPath(), WithLastHeader([](wal::RecordHeader& header) { header.format = 2; }));
  absl::Status status = Replay().status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(LastPath()), HasSubstr("offset "), HasSubstr("format 2"),
                    HasSubstr("use the newer one")));

  std::string segment = files_.rbegin()->second;
  std::string header = segment.substr(0, 40);
  header[8] = 3;
  AppendLittleEndian(header, wal::PayloadChecksum(header));
  segment.replace(0, header.size(), header);
  Put(LastPath(), segment);
  status = Replay().status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(LastPath()), HasSubstr("format 3"), HasSubstr("use the newer one")));
}

TEST_F(LogDamageTest, ACommandOfALaterVersionIsRefusedByName) {
  std::string bytes = files_.rbegin()->second;
  const Place& place = intact_.back();
  const uint64_t payload_at = place.begin + wal::kRecordHeaderBytes;
  bytes[payload_at + 4] = 99;  // the first command's kind
  const std::string_view payload =
      std::string_view(bytes).substr(payload_at, place.end - 1 - payload_at);
  const uint64_t checksum = wal::PayloadChecksum(payload);
  files_.rbegin()->second = bytes;
  Put(LastPath(),
      WithLastHeader([&](wal::RecordHeader& header) { header.payload_checksum = checksum; }));
  const absl::Status status = Replay().status();
  EXPECT_TRUE(absl::IsUnimplemented(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(LastPath()), HasSubstr("offset "), HasSubstr("kind 99")));
}

TEST_F(LogDamageTest, AFileThatIsNoSegmentIsDataLoss) {
  for (const std::string& garbage :
       {std::string(), std::string("garbage"), std::string(4096, '\0'), std::string(4096, 'g')}) {
    Put(LastPath(), garbage);
    ExpectDataLossIn(LastPath());
  }
}

TEST_F(LogDamageTest, ASegmentUnderAnotherNameIsDataLoss) {
  const auto& [first_path, first_bytes] = *files_.begin();
  Put(LastPath(), first_bytes);
  ExpectDataLossIn(LastPath());
  EXPECT_THAT(std::string(Replay().status().message()), HasSubstr("not as its name says"));
}

// Its last record is the large one, with sectors of zeros inside.
class TornRecordTest : public LogDamageTest {
 protected:
  void SetUp() override { Write(11); }
};

TEST_F(TornRecordTest, AnySectorsOfItMayBeUnwritten) {
  const std::string& bytes = files_.rbegin()->second;
  const size_t sectors = bytes.size() / wal::kSectorBytes;
  for (uint32_t written = 0; written < 1u << (sectors - 1); ++written) {
    SCOPED_TRACE(written);
    std::string torn = bytes;
    for (size_t sector = 1; sector < sectors; ++sector) {
      if (written >> (sector - 1) & 1) continue;
      std::fill_n(torn.begin() + static_cast<ptrdiff_t>(sector * wal::kSectorBytes),
                  wal::kSectorBytes, '\0');
    }
    Put(LastPath(), torn);
    const absl::StatusOr<LogContent> content = Replay();
    ASSERT_TRUE(content.ok()) << content.status();
    ASSERT_EQ(batches_, SampleBatches(1, torn == bytes ? 11 : 10));
    ASSERT_EQ(content->last_end.clean, torn == bytes || written == 0);
    if (!content->last_end.clean) ExpectTornBehind(10);
    PutBack();
  }
}

}  // namespace
}  // namespace tripla
