// SPDX-License-Identifier: Apache-2.0
#include "log/local/segment_scan.h"

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <utility>

#include "base/status_macros.h"

namespace tripla {
namespace {

bool AllZero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

absl::Status Damaged(std::string_view path, uint64_t offset, std::string_view what) {
  return absl::DataLossError(
      fmt::format("{} is damaged at offset {}: {}; restore the data directory from a copy, or see "
                  "what is left with tripla-verify --dump",
                  path, offset, what));
}

class Scan {
 public:
  // Begins at `offset`, where record `index` should be.
  Scan(const Segment& segment, const RecordFn& take, LogIndex index, uint64_t offset)
      : segment_(segment),
        bytes_(segment.bytes),
        take_(take),
        end_{.next_index = index, .offset = offset} {}

  absl::StatusOr<SegmentEnd> Run() {
    while (true) {
      const uint64_t start = wal::RecordStart(end_.offset);
      if (start + wal::kRecordHeaderBytes > bytes_.size()) break;
      if (!AllZero(bytes_.substr(end_.offset, start - end_.offset))) {
        return Damage(end_.offset, "the space between two records is not empty");
      }
      end_.offset = start;
      const std::string_view header_bytes = bytes_.substr(start, wal::kRecordHeaderBytes);
      if (AllZero(header_bytes)) break;
      if (IsTornHeader(header_bytes)) {
        end_.torn = "its header was not written whole";
        break;
      }
      TRIPLA_ASSIGN_OR_RETURN(const wal::RecordHeader header, CheckHeader(header_bytes));
      TRIPLA_ASSIGN_OR_RETURN(end_.torn, CheckPayload(header));
      if (!end_.torn.empty()) break;
      TRIPLA_RETURN_IF_ERROR(take_(header.index, PayloadOf(header), start));
      end_.offset = start + wal::RecordBytes(header.payload_bytes);
      ++end_.next_index;
    }
    end_.clean = end_.offset >= bytes_.size() || AllZero(bytes_.substr(end_.offset));
    if (!end_.clean) TRIPLA_RETURN_IF_ERROR(CheckNothingDurableFollows());
    return end_;
  }

 private:
  absl::Status Damage(uint64_t offset, std::string_view what) const {
    return Damaged(segment_.path, offset, what);
  }

  std::string_view PayloadOf(const wal::RecordHeader& header) const {
    return bytes_.substr(end_.offset + wal::kRecordHeaderBytes, header.payload_bytes);
  }

  bool IsTornHeader(std::string_view header_bytes) const {
    return !wal::DecodeRecordHeader(header_bytes, segment_.header.salt) &&
           AllZero(bytes_.substr(end_.offset + wal::kRecordHeaderBytes));
  }

  absl::StatusOr<wal::RecordHeader> CheckHeader(std::string_view header_bytes) const {
    const std::optional<wal::RecordHeader> header =
        wal::DecodeRecordHeader(header_bytes, segment_.header.salt);
    if (!header) return Damage(end_.offset, "the checksum of the record's header does not fit");
    if (header->format != wal::kRecordFormat) {
      return absl::UnimplementedError(
          fmt::format("{}, offset {}: a record of format {}; this version reads format {}: use the "
                      "newer one",
                      segment_.path, end_.offset, header->format, wal::kRecordFormat));
    }
    if (header->index != end_.next_index) {
      return Damage(end_.offset, fmt::format("record {} stands where record {} should",
                                             header->index, end_.next_index));
    }
    if (wal::RecordBytes(header->payload_bytes) > bytes_.size() - end_.offset) {
      return Damage(end_.offset, fmt::format("the record's length {} goes beyond the file",
                                             header->payload_bytes));
    }
    return *header;
  }

  // Why the record is torn, or empty when it is whole.
  absl::StatusOr<std::string> CheckPayload(const wal::RecordHeader& header) const {
    const std::string_view record =
        bytes_.substr(end_.offset, wal::RecordBytes(header.payload_bytes));
    const char end_mark = record.back();
    const bool fits = wal::PayloadChecksum(PayloadOf(header)) == header.payload_checksum;
    // The end mark only matters if the checksum does not fit: without it the payload was cut off.
    if (fits && (end_mark == wal::kEndMark || end_mark == '\0')) return "";
    if (end_mark == '\0') return "its end was not written";
    if (wal::CountZeroSectors(record, end_.offset) > header.zero_sectors) {
      return "a sector of it was not written";
    }
    return Damage(end_.offset,
                  fmt::format("the checksum of record {} does not fit, and all of it was written",
                              header.index));
  }

  // After the end there may be bytes of records that were being written. If one of them says that
  // the record missing here was durable, that record was lost.
  absl::Status CheckNothingDurableFollows() const {
    for (std::optional<FoundRecord> found = FindRecord(segment_, end_.offset); found;
         found = FindRecord(segment_, found->offset + 1)) {
      const wal::RecordHeader& header = found->header;
      if (header.index > end_.next_index && header.synced_through >= end_.next_index) {
        return Damage(
            end_.offset,
            fmt::format("record {} is missing, though record {} at offset {} says that it "
                        "was durable",
                        end_.next_index, header.index, found->offset));
      }
    }
    return absl::OkStatus();
  }

  const Segment& segment_;
  const std::string_view bytes_;
  const RecordFn& take_;
  SegmentEnd end_;
};

}  // namespace

absl::StatusOr<Segment> ReadSegment(Disk& disk, const std::string& path, LogIndex first_index) {
  Segment segment{.path = path};
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, disk.Open(path, OpenMode::kRead));
  TRIPLA_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  segment.bytes.resize(wal::kSectorBytes);
  TRIPLA_ASSIGN_OR_RETURN(const size_t read,
                          file->ReadAt(0, segment.bytes.data(), wal::kSectorBytes));
  absl::StatusOr<wal::SegmentHeader> header =
      wal::DecodeSegmentHeader(std::string_view(segment.bytes).substr(0, read));
  if (absl::IsUnimplemented(header.status())) {
    return absl::UnimplementedError(
        fmt::format("{}: {}", path, std::string(header.status().message())));
  }
  if (!header.ok()) return Damaged(path, 0, std::string(header.status().message()));
  segment.header = *header;
  if (header->first_index != first_index) {
    return Damaged(path, 0,
                   fmt::format("the segment begins with record {}, not as its name says",
                               header->first_index));
  }
  if (size > wal::kSegmentBytesMax) return Damaged(path, 0, "no segment is that large");
  segment.bytes.resize(size);
  TRIPLA_ASSIGN_OR_RETURN(const size_t all, file->ReadAt(0, segment.bytes.data(), size));
  if (all != size) return Damaged(path, all, "the file ends while it is read");
  return segment;
}

absl::StatusOr<SegmentEnd> ScanSegment(const Segment& segment, const RecordFn& take) {
  const uint64_t size = segment.bytes.size();
  const wal::SegmentHeader& header = segment.header;
  if (size != header.capacity) {
    return Damaged(
        segment.path, size,
        fmt::format("the file has {} bytes, not the {} it was made with", size, header.capacity));
  }
  return Scan(segment, take, header.first_index, wal::kSectorBytes).Run();
}

std::optional<FoundRecord> FindRecord(const Segment& segment, uint64_t offset) {
  const std::string_view bytes = segment.bytes;
  for (uint64_t at = wal::RecordStart(offset); at + wal::kRecordHeaderBytes <= bytes.size();
       at = wal::RecordStart(at + wal::kAlignment)) {
    const std::string_view header_bytes = bytes.substr(at, wal::kRecordHeaderBytes);
    if (header_bytes[0] == '\0' && AllZero(header_bytes)) continue;
    if (const auto header = wal::DecodeRecordHeader(header_bytes, segment.header.salt)) {
      return FoundRecord{.header = *header, .offset = at};
    }
  }
  return std::nullopt;
}

absl::StatusOr<SegmentEnd> ScanSegmentFrom(const FoundRecord& first, const Segment& segment,
                                           const RecordFn& take) {
  return Scan(segment, take, first.header.index, first.offset).Run();
}

}  // namespace tripla
