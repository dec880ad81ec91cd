// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "model/log_position.h"

// The bytes of the operation log (docs/formats.md, "Log"). Integers are little-endian.
//
// DIR/log/ holds segments, named by their first index in 20 digits: 00000000000000000001.wal. A
// segment has its full size, all zero, before the first record is written, and no byte of it is
// written twice. So an fdatasync writes no metadata, and unwritten bytes read as zero.
//
//   segment   header sector, then records
//
//   header    magic "TRIPLAWL" | format u32 = 2 | 0 u32 | first index u64 | capacity u64 | salt u64
//   (64)      checksum u64 of the 40 bytes before it | log id u64 | checksum u64 of the 56 bytes
//             before it; zeros up to byte 512
//
//             Format 1 ends after the first checksum, and may have no log-extent (log_extent.h).
//             Both are read, format 2 is written.
//
//   record    length u32 of the payload | format u16 = 1 | 0 u16 | zero sectors u32 | 0 u32
//   (48 +)    index u64 | synced through u64 | checksum u64 of the payload
//             checksum u64 of the 40 bytes before it, seeded with the segment's salt
//             payload: a Batch (model/batch_codec.h) | end mark u8 = A5
//
// A record begins at a multiple of 8, and its header never crosses a 512-byte sector boundary: if
// it would, the record begins in the next sector. The log ends where a record should begin and all
// bytes are zero.
//
// What a crash can leave after the last record (torn), and what it cannot (damage):
//   - A disk writes whole sectors, in any order. So a header is either there or zero; anything else
//     is damage, unless all bytes after it are zero, because no finished record looks like that.
//   - If the header is there, each unwritten sector of the record is zero. "Zero sectors" is the
//     number of all-zero sectors in the finished record. A record with a wrong checksum is torn if
//     it has more of them or no end mark; otherwise it is damaged.
//   - "Synced through" is the highest index known to be durable when the record was written. If a
//     valid record after a torn one says that the torn one was durable, that proves damage.
//   - A file shorter than its capacity was cut: damage.
namespace tripla::wal {

inline constexpr size_t kSectorBytes = 512;
inline constexpr size_t kAlignment = 8;
inline constexpr uint32_t kSegmentFormat = 2;
inline constexpr uint16_t kRecordFormat = 1;
inline constexpr size_t kSegmentHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 48;
inline constexpr char kEndMark = '\xa5';
// No segment and no record is larger, so that a damaged length does not cause a huge allocation.
inline constexpr uint64_t kSegmentBytesMax = uint64_t{2} << 30;

struct SegmentHeader {
  uint32_t format = kSegmentFormat;
  LogIndex first_index = 0;
  uint64_t capacity = 0;  // size of the file
  uint64_t salt = 0;      // random, so that bytes in a value cannot pass for a record
  uint64_t log_id = 0;    // which log it belongs to; 0 in format 1
};

struct RecordHeader {
  uint32_t payload_bytes = 0;
  uint16_t format = kRecordFormat;
  uint32_t zero_sectors = 0;
  LogIndex index = 0;
  LogIndex synced_through = 0;
  uint64_t payload_checksum = 0;
};

// "00000000000000000042.wal".
[[nodiscard]] std::string SegmentName(LogIndex first_index);
// The index in a segment's name, or nullopt for another file.
[[nodiscard]] std::optional<LogIndex> ParseSegmentName(std::string_view name);

// The file of a segment that is not in use yet: "next.wal", and "00000000000000000042.wal.partial"
// of former versions. A start removes it.
inline constexpr std::string_view kNextSegmentName = "next.wal";
[[nodiscard]] bool IsUnusedSegmentName(std::string_view name);

// The first sector of a segment, of format 2.
[[nodiscard]] std::string EncodeSegmentHeader(const SegmentHeader& header);
// Errors: DataLoss when the bytes are not a header; Unimplemented for a later format.
[[nodiscard]] absl::StatusOr<SegmentHeader> DecodeSegmentHeader(std::string_view bytes);

// Writes kRecordHeaderBytes to `to`.
void EncodeRecordHeader(const RecordHeader& header, uint64_t salt, char* to);
// nullopt when the checksum does not fit. `bytes` has kRecordHeaderBytes.
[[nodiscard]] std::optional<RecordHeader> DecodeRecordHeader(std::string_view bytes, uint64_t salt);

[[nodiscard]] uint64_t PayloadChecksum(std::string_view payload);

// The first offset from `offset` on at which a record may begin.
[[nodiscard]] constexpr uint64_t RecordStart(uint64_t offset) {
  const uint64_t aligned = (offset + kAlignment - 1) / kAlignment * kAlignment;
  const uint64_t in_sector = aligned % kSectorBytes;
  return in_sector + kRecordHeaderBytes > kSectorBytes ? aligned - in_sector + kSectorBytes
                                                       : aligned;
}

// Header, payload and end mark.
[[nodiscard]] constexpr uint64_t RecordBytes(uint64_t payload_bytes) {
  return kRecordHeaderBytes + payload_bytes + 1;
}

// The number of all-zero sectors that are completely inside `bytes`, which begin at `offset` of the
// file.
[[nodiscard]] uint32_t CountZeroSectors(std::string_view bytes, uint64_t offset);

}  // namespace tripla::wal
