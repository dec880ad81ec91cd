// SPDX-License-Identifier: Apache-2.0
#include "log/local/segment_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/random_number.h"
#include "base/status_macros.h"
#include "model/limits.h"

namespace tripla {

absl::Status FillWithZeros(File& file, uint64_t from, uint64_t to) {
  static constexpr size_t kPiece = size_t{256} << 10;
  static const std::string zeros(kPiece, '\0');
  for (uint64_t at = from; at < to; at += kPiece) {
    const size_t size = std::min<uint64_t>(kPiece, to - at);
    TRIPLA_RETURN_IF_ERROR(file.WriteAt(at, std::string_view(zeros).substr(0, size)));
  }
  return absl::OkStatus();
}

void ShrinkToUsual(std::string& buffer) {
  if (buffer.capacity() > 2 * limits::kLogBatchBytesMax) buffer = std::string();
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Begin(const DataDirectory& directory,
                                                                    NextSegment::Made made,
                                                                    const std::string& made_path,
                                                                    LogIndex first_index,
                                                                    uint64_t log_id) {
  const wal::SegmentHeader header{.first_index = first_index,
                                  .capacity = made.capacity,
                                  .salt = RandomNumber(),
                                  .log_id = log_id};
  TRIPLA_RETURN_IF_ERROR(made.file->WriteAt(0, wal::EncodeSegmentHeader(header)));
  TRIPLA_RETURN_IF_ERROR(made.file->Sync());
  const std::string path = directory.log_path() + "/" + wal::SegmentName(first_index);
  TRIPLA_RETURN_IF_ERROR(directory.disk().Rename(made_path, path));
  made.file->SetPath(path);
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(std::move(made.file), path, header, wal::kSectorBytes, first_index));
}

absl::StatusOr<std::unique_ptr<SegmentWriter>> SegmentWriter::Reopen(const DataDirectory& directory,
                                                                     const SegmentFile& file,
                                                                     const SegmentEnd& end) {
  TRIPLA_ASSIGN_OR_RETURN(std::unique_ptr<File> opened, directory.OpenForWriting(file.path));
  std::string sector(wal::kSectorBytes, '\0');
  TRIPLA_RETURN_IF_ERROR(opened->ReadAt(0, sector.data(), sector.size()).status());
  TRIPLA_ASSIGN_OR_RETURN(const wal::SegmentHeader header, wal::DecodeSegmentHeader(sector));
  if (!end.clean) TRIPLA_RETURN_IF_ERROR(FillWithZeros(*opened, end.offset, header.capacity));
  // Records that were read may not be durable yet, since kill -9 leaves them in the page cache, and
  // a later record will say that they are durable.
  TRIPLA_RETURN_IF_ERROR(opened->Sync());
  return std::unique_ptr<SegmentWriter>(
      new SegmentWriter(std::move(opened), file.path, header, end.offset, end.next_index));
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
  TRIPLA_CHECK(index == next_index_, "the log would have a gap, or a record twice");
  TRIPLA_CHECK(synced_through < index, "a record cannot be durable before it is written");
  TRIPLA_CHECK(Fits(payload.size()), "a record goes beyond its segment");
  const uint64_t start = wal::RecordStart(offset_);
  record_.assign(wal::kRecordHeaderBytes, '\0');
  record_ += payload;
  record_ += wal::kEndMark;
  // Counts as the reader will, for whom the finished header is never zero.
  record_[0] = wal::kEndMark;
  const wal::RecordHeader header{.payload_bytes = static_cast<uint32_t>(payload.size()),
                                 .zero_sectors = wal::CountZeroSectors(record_, start),
                                 .index = index,
                                 .synced_through = synced_through,
                                 .payload_checksum = wal::PayloadChecksum(payload)};
  wal::EncodeRecordHeader(header, header_.salt, record_.data());
  TRIPLA_RETURN_IF_ERROR(file_->WriteAt(start, record_));
  offset_ = start + record_.size();
  ++next_index_;
  ShrinkToUsual(record_);
  return absl::OkStatus();
}

}  // namespace tripla
