// SPDX-License-Identifier: Apache-2.0
//
// A segment of the log that somebody damaged: read as it is, and with checksums that fit, so that
// what stands behind them is reached too.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "disk/faulty_disk.h"
#include "log/local/segment_scan.h"
#include "log/local/wal_format.h"
#include "model/batch_codec.h"
#include "model/little_endian.h"

namespace tripla {
namespace {

constexpr LogIndex kFirstIndex = 1;  // as the corpus has it
constexpr const char* kPath = "/00000000000000000001.wal";

std::string WithHeaderChecksum(std::string bytes) {
  if (bytes.size() < wal::kSectorBytes) return bytes;
  const wal::SegmentHeader header{.first_index = kFirstIndex,
                                  .capacity = bytes.size(),
                                  .salt = LoadLittleEndian<uint64_t>(bytes.data() + 32)};
  return bytes.replace(0, wal::kSectorBytes, wal::EncodeSegmentHeader(header));
}

enum class Repair { kHeaders, kPayloadsToo };

std::string WithRecordChecksums(std::string bytes, Repair repair) {
  const uint64_t size = bytes.size();
  if (size < wal::kSectorBytes) return bytes;
  const auto salt = LoadLittleEndian<uint64_t>(bytes.data() + 32);
  uint64_t at = wal::RecordStart(wal::kSectorBytes);
  while (at + wal::kRecordHeaderBytes <= size) {
    char* header = bytes.data() + at;
    if (std::all_of(header, header + wal::kRecordHeaderBytes, [](char c) { return c == 0; })) break;
    const uint64_t payload_bytes = LoadLittleEndian<uint32_t>(header);
    const bool fits = wal::RecordBytes(payload_bytes) <= size - at;
    if (fits && repair == Repair::kPayloadsToo) {
      StoreLittleEndian(header + 32,
                        wal::PayloadChecksum({header + wal::kRecordHeaderBytes, payload_bytes}));
    }
    StoreLittleEndian(header + 40, uint64_t{XXH3_64bits_withSeed(header, 40, salt)});
    if (!fits) break;
    at = wal::RecordStart(at + wal::RecordBytes(payload_bytes));
  }
  return bytes;
}

void CheckError(const absl::Status& status) {
  TRIPLA_CHECK(absl::IsDataLoss(status) || absl::IsUnimplemented(status), "nothing else is wrong");
  TRIPLA_CHECK(status.message().find(kPath) != std::string::npos, "the file is named");
}

// What the server makes of a segment before it appends: nothing behind the last whole record.
Segment Cleaned(Segment segment, const SegmentEnd& end) {
  if (end.offset < segment.bytes.size()) {
    std::fill(segment.bytes.begin() + static_cast<ptrdiff_t>(end.offset), segment.bytes.end(), 0);
  }
  return segment;
}

void CheckScan(const Segment& segment) {
  LogIndex next = segment.header.first_index;
  uint64_t free_from = wal::kSectorBytes;
  const RecordFn take = [&](LogIndex index, std::string_view payload, uint64_t offset) {
    TRIPLA_CHECK(index == next++, "records come in their order, without a gap");
    TRIPLA_CHECK(offset == wal::RecordStart(free_from), "a record stands where the last one ends");
    free_from = offset + wal::RecordBytes(payload.size());
    TRIPLA_CHECK(free_from <= segment.bytes.size(), "a record is inside the file");
    (void)DecodeBatch(payload);
    return absl::OkStatus();
  };
  const absl::StatusOr<SegmentEnd> end = ScanSegment(segment, take);
  if (!end.ok()) return CheckError(end.status());
  TRIPLA_CHECK(end->next_index == next && end->offset >= free_from, "the end is told as it is");
  TRIPLA_CHECK(end->torn.empty() || !end->clean, "what is torn has left something");

  LogIndex last = segment.header.first_index;
  const RecordFn count = [&](LogIndex index, std::string_view, uint64_t) {
    last = index + 1;
    return absl::OkStatus();
  };
  const absl::StatusOr<SegmentEnd> again = ScanSegment(Cleaned(segment, *end), count);
  TRIPLA_CHECK(again.ok() && again->clean && again->torn.empty(), "a cleaned segment is sound");
  TRIPLA_CHECK(last == next, "cleaning loses no whole record");
}

// As tripla-verify goes on behind damage.
void CheckSalvage(const Segment& segment) {
  uint64_t offset = 0;
  while (const std::optional<FoundRecord> found = FindRecord(segment, offset)) {
    TRIPLA_CHECK(found->offset >= offset, "the search goes forward");
    const RecordFn ignore = [](LogIndex, std::string_view, uint64_t) { return absl::OkStatus(); };
    const absl::StatusOr<SegmentEnd> end = ScanSegmentFrom(*found, segment, ignore);
    if (!end.ok()) CheckError(end.status());
    offset = found->offset + 1;
  }
}

void CheckSegment(const std::string& bytes) {
  FaultyDisk disk;
  const auto file = disk.Open(kPath, OpenMode::kCreateFresh);
  TRIPLA_CHECK(file.ok() && (*file)->WriteAt(0, bytes).ok(), "memory takes it");
  const absl::StatusOr<Segment> segment = ReadSegment(disk, kPath, kFirstIndex);
  if (!segment.ok()) return CheckError(segment.status());
  CheckScan(*segment);
  CheckSalvage(*segment);
}

}  // namespace
}  // namespace tripla

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tripla::Repair;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  tripla::CheckSegment(bytes);
  const std::string headed = tripla::WithHeaderChecksum(bytes);
  tripla::CheckSegment(headed);
  tripla::CheckSegment(tripla::WithRecordChecksums(headed, Repair::kHeaders));
  tripla::CheckSegment(tripla::WithRecordChecksums(headed, Repair::kPayloadsToo));
  return 0;
}
