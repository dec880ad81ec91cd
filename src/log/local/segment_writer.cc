// SPDX-License-Identifier: Apache-2.0
#include "log/local/segment_writer.h"

#include <algorithm>
#include <random>
#include <utility>

#include "base/status_macros.h"

namespace tripla {
namespace {

uint64_t RandomSalt() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

// Writes zeros, not only reserves space: on a file whose blocks are reserved but unwritten each
// fdatasync has to journal that they are written now (docs/decisions/0003-zero-filled-segments.md).
absl::Status FillWithZeros(File& file, uint64_t from, uint64_t to) {
  static constexpr size_t kPiece = size_t{256} << 10;
  static const std::string zeros(kPiece, '\0');
  for (uint64_t at = from; at < to; at += kPiece) {
    const size_t size = std::min<uint64_t>(kPiece, to - at);
    TRIPLA_RETURN_IF_ERROR(file.WriteAt(at, std::string_view(zeros).substr(0, size)));
  }
  return absl::OkStatus();
}

absl::Status WriteEmptySegment(Disk& disk, const std::string& path,
                               const wal::SegmentHeader& header) {
  TRIPLA_ASSIGN_OR_RETURN(const std::unique_ptr<File> file,
                          disk.Open(path, OpenMode::kCreateFresh));
  TRIPLA_RETURN_IF_ERROR(file->Allocate(header.capacity));
  TRIPLA_RETURN_IF_ERROR(FillWithZeros(*file, wal::kSectorBytes, header.capacity));
  TRIPLA_RETURN_IF_ERROR(file->WriteAt(0, wal::EncodeSegmentHeader(header)));
  return file->Sync();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Create(const DataDirectory& directory,
                                                                     LogIndex first_index,
                                                                     uint64_t capacity) {
  Disk& disk = directory.disk();
  const std::string path = directory.log_path() + "/" + wal::SegmentName(first_index);
  const std::string partial = path + std::string(wal::kPartialSuffix);
  if (absl::Status removed = disk.Remove(partial); !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  const wal::SegmentHeader header{
      .first_index = first_index, .capacity = capacity, .salt = RandomSalt()};
  if (absl::Status written = WriteEmptySegment(disk, partial, header); !written.ok()) {
    disk.Remove(partial).IgnoreError();  // the next start removes it too
    return written;
  }
  TRIPLA_RETURN_IF_ERROR(disk.Rename(partial, path));
  if (absl::Status synced = disk.SyncDirectory(directory.log_path()); !synced.ok()) {
    // Never a mere lack of space: the segment may stay, and records must not go on in the former.
    return absl::InternalError(synced.message());
  }
  // Opened under the name that messages about it should give.
  TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<File> file, disk.Open(path, OpenMode::kReadWrite));
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(std::move(file), path, header, wal::kSectorBytes));
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Reopen(const DataDirectory& directory,
                                                                     const SegmentFile& file,
                                                                     const SegmentEnd& end) {
  TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<File> opened,
                          directory.disk().Open(file.path, OpenMode::kReadWrite));
  std::string sector(wal::kSectorBytes, '\0');
  TRIPLA_RETURN_IF_ERROR(opened->ReadAt(0, sector.data(), sector.size()).status());
  TRIPLA_ASSIGN_OR_RETURN(const wal::SegmentHeader header, wal::DecodeSegmentHeader(sector));
  if (!end.clean) TRIPLA_RETURN_IF_ERROR(FillWithZeros(*opened, end.offset, header.capacity));
  // Also what was read may not be durable yet: kill -9 leaves records in the page cache, and a
  // later record is about to say that they are durable.
  TRIPLA_RETURN_IF_ERROR(opened->Sync());
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(std::move(opened), file.path, header, end.offset));
}

uint64_t SegmentWriter::CapacityFor(uint64_t payload_bytes, uint64_t segment_bytes) {
  const uint64_t needed = wal::kSectorBytes + wal::RecordBytes(payload_bytes);
  const uint64_t sectors = (needed + wal::kSectorBytes - 1) / wal::kSectorBytes;
  return std::max(segment_bytes, sectors * wal::kSectorBytes);
}

bool SegmentWriter::Fits(uint64_t payload_bytes) const {
  return wal::RecordStart(offset_) + wal::RecordBytes(payload_bytes) <= header_.capacity;
}

absl::Status SegmentWriter::Append(LogIndex index, LogIndex synced_through,
                                   std::string_view payload) {
  const uint64_t start = wal::RecordStart(offset_);
  record_.assign(wal::kRecordHeaderBytes, '\0');
  record_ += payload;
  record_ += wal::kEndMark;
  // Counted as the reader will count, which sees the finished header, never zero.
  record_[0] = wal::kEndMark;
  const wal::RecordHeader header{.payload_bytes = static_cast<uint32_t>(payload.size()),
                                 .zero_sectors = wal::CountZeroSectors(record_, start),
                                 .index = index,
                                 .synced_through = synced_through,
                                 .payload_checksum = wal::PayloadChecksum(payload)};
  wal::EncodeRecordHeader(header, header_.salt, record_.data());
  TRIPLA_RETURN_IF_ERROR(file_->WriteAt(start, record_));
  offset_ = start + record_.size();
  return absl::OkStatus();
}

}  // namespace tripla
