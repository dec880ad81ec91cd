// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "disk/disk.h"
#include "log/local/log_replay.h"
#include "log/local/next_segment.h"
#include "log/local/wal_format.h"

namespace tripla {

// Appends records to one segment.
//
// Thread-safety: calls must not overlap.
class SegmentWriter {
 public:
  // Turns a file of zeros into an empty segment and gives it its name, replacing an empty segment
  // of that name. The name is durable once the directory is synced; append no record before that.
  //
  // Errors: those of the disk. With ResourceExhausted the file was not renamed.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SegmentWriter>> Begin(
      const DataDirectory& directory, NextSegment::Made made, const std::string& made_path,
      LogIndex first_index, uint64_t log_id);

  // Continues a segment whose records end at `end`: overwrites the rest of a torn record with
  // zeros. All records are durable when it returns.
  //
  // Errors: those of the disk, and DataLoss or Unimplemented for a bad header; then the bytes after
  // `end` are undefined.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SegmentWriter>> Reopen(
      const DataDirectory& directory, const SegmentFile& file, const SegmentEnd& end);

  // Whether a record with this payload fits in the rest of the segment.
  [[nodiscard]] bool Fits(uint64_t payload_bytes) const;

  // Appends a record, not yet durable. Errors: as File::WriteAt(); then the state of the file is
  // unknown.
  [[nodiscard]] absl::Status Append(LogIndex index, LogIndex synced_through,
                                    std::string_view payload);

  [[nodiscard]] absl::Status Sync() { return file_->Sync(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::shared_ptr<const File> file() const { return file_; }
  [[nodiscard]] uint64_t capacity() const { return header_.capacity; }
  // The used part of the capacity.
  [[nodiscard]] uint64_t used() const { return offset_; }

  // The capacity of a segment whose first record has this payload.
  [[nodiscard]] static uint64_t CapacityFor(uint64_t payload_bytes, uint64_t segment_bytes);

 private:
  SegmentWriter(std::unique_ptr<File> file, std::string path, const wal::SegmentHeader& header,
                uint64_t offset, LogIndex next_index)
      : file_(std::move(file)),
        path_(std::move(path)),
        header_(header),
        offset_(offset),
        next_index_(next_index) {}

  std::shared_ptr<File> file_;
  const std::string path_;
  const wal::SegmentHeader header_;
  uint64_t offset_;      // the end of the last record
  LogIndex next_index_;  // of the next record
  std::string record_;   // the record being written; a member so that its memory is reused
};

// Writes zeros instead of only reserving space: on reserved but unwritten blocks each fdatasync
// must also journal that they are written now (docs/decisions/0003-zero-filled-segments.md).
[[nodiscard]] absl::Status FillWithZeros(File& file, uint64_t from, uint64_t to);

// Frees the memory of a buffer that a large batch has made larger than usual.
void ShrinkToUsual(std::string& buffer);

}  // namespace tripla
