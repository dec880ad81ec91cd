// SPDX-License-Identifier: Apache-2.0
// Released formats stay readable: the files in tests/golden/log-format-N were written by the first
// version with that format, and never change.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "disk/faulty_disk.h"
#include "log/local/segment_scan.h"
#include "log/local/test_log.h"
#include "log/local/wal_format.h"
#include "model/batch_codec.h"

namespace tripla {
namespace {

// One command of each kind, with and without its optional fields, and with values at their limits.
std::map<LogIndex, Batch> GoldenBatches() {
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();
  const RequestId id{
      .client = {'0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', '\xff'},
      .sequence = 7,
      .first_unanswered = 3};
  using enum CommandKind;
  const Command set{.kind = kSet, .key = *Key::Parse("-300"), .timestamp = kLow, .data = "golden"};
  const Command get{.kind = kGet, .key = *Key::Parse("0x123456789abcdef0123456789abcdef")};
  const Command del{.kind = kDel, .key = *Key::Parse("0"), .request_id = id};
  const Command del_version{
      .kind = kDelVersion, .key = *Key::Parse("1"), .version = kHigh, .if_revision = 9};
  const Command test_and_set{.kind = kTestAndSet,
                             .key = *Key::Parse("128"),
                             .timestamp = kHigh,
                             .version = -1,
                             .if_revision = std::numeric_limits<uint64_t>::max(),
                             .data = std::string(1000, '\0') + "behind a sector of zeros",
                             .request_id = id};
  return {{1, {{set}}},         {2, {{get, del}}},     {3, {}},
          {4, {{del_version}}}, {5, {{test_and_set}}}, {6, {{set, get, del, del_version}}}};
}

class GoldenLogTest : public testing::TestWithParam<uint32_t> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(log_.Open().ok());  // makes the directory
    log_.Close();
    ASSERT_TRUE(disk_.Remove("/data/log-extent").ok());
    const std::string golden = TRIPLA_GOLDEN "/log-format-" + std::to_string(GetParam());
    for (const auto& entry : std::filesystem::directory_iterator(golden)) {
      std::ifstream stream(entry.path(), std::ios::binary);
      const std::string bytes(std::istreambuf_iterator<char>(stream), {});
      const std::string name = entry.path().filename().string();
      const std::string path = (name == "log-extent" ? "/data/" : "/data/log/") + name;
      const auto file = *disk_.Open(path, OpenMode::kCreateFresh);
      ASSERT_TRUE(file->WriteAt(0, bytes).ok());
      if (name != "log-extent") files_[path] = bytes;
    }
    ASSERT_EQ(files_.size(), 2u);
  }

  FaultyDisk disk_;
  TestLog log_{disk_};
  std::map<std::string, std::string> files_;  // the segments
};

INSTANTIATE_TEST_SUITE_P(Format, GoldenLogTest, testing::Values(1, 2));

TEST_P(GoldenLogTest, IsReadAndGoneOnWith) {
  auto expected = GoldenBatches();
  const absl::Status opened = log_.Open();
  ASSERT_TRUE(opened.ok()) << opened;
  EXPECT_EQ(log_.batches(), expected);
  expected[7] = SampleBatch(7);
  ASSERT_TRUE(log_.SubmitNext().ok());
  ASSERT_TRUE(log_.Open().ok());
  EXPECT_EQ(log_.batches(), expected);
}

TEST_P(GoldenLogTest, IsWrittenToTheByte) {
  const auto batches = GoldenBatches();
  for (const auto& file : files_) {
    const std::string& bytes = file.second;
    const wal::SegmentHeader header = *wal::DecodeSegmentHeader(bytes);
    EXPECT_EQ(header.format, GetParam());
    if (header.format == wal::kSegmentFormat) {
      EXPECT_EQ(wal::EncodeSegmentHeader(header), bytes.substr(0, wal::kSectorBytes));
    }
    const auto compare = [&](LogIndex index, std::string_view payload, uint64_t offset) {
      std::string encoded;
      EncodeBatch(batches.at(index), encoded);
      EXPECT_EQ(payload, encoded);
      const wal::RecordHeader record_header{.payload_bytes = static_cast<uint32_t>(payload.size()),
                                            .zero_sectors = index == 5 ? 1u : 0u,
                                            .index = index,
                                            .synced_through = index - 1,
                                            .payload_checksum = wal::PayloadChecksum(payload)};
      std::string record(wal::kRecordHeaderBytes, '\0');
      wal::EncodeRecordHeader(record_header, header.salt, record.data());
      record += encoded + wal::kEndMark;
      EXPECT_EQ(bytes.substr(offset, record.size()), record);
      return absl::OkStatus();
    };
    const Segment segment = *ReadSegment(disk_, file.first, header.first_index);
    EXPECT_TRUE(ScanSegment(segment, compare).ok());
  }
}

TEST(GoldenExtent, Format1IsReadAsItWasWritten) {
  FaultyDisk disk;
  const DataDirectory directory = *DataDirectory::Open(disk, "/data");
  std::ifstream stream(TRIPLA_GOLDEN "/log-format-2/log-extent", std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(stream), {});
  ASSERT_EQ(bytes.size(), 8192u);
  const auto file = *disk.Open(LogExtentPath(directory), OpenMode::kCreateFresh);
  ASSERT_TRUE(file->WriteAt(0, bytes).ok());
  const Extent extent = **LogExtent::Read(directory);
  EXPECT_NE(extent.log_id, 0u);
  EXPECT_EQ(extent, (Extent{.log_id = extent.log_id,
                            .log_on = true,
                            .durable_first = true,
                            .newest_segment = 5,
                            .reached = 6}));
}

}  // namespace
}  // namespace tripla
