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
  // Turns a file of zeros into an empty segment and gives it its name, in place of an empty one
  // that has it already. The name is durable once the directory is synced: no record before that.
  //
  // Errors: what the disk says. With ResourceExhausted the name was not given.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SegmentWriter>> Begin(
      const DataDirectory& directory, NextSegment::Made made, const std::string& made_path,
      LogIndex first_index, uint64_t log_id);

  // Goes on in a segment whose records end at `end`: makes zero what a torn record has left behind
  // it. All records are durable when it returns.
  //
  // Errors: what the disk says, and DataLoss or Unimplemented when the header is not one; then
  // nothing is known of what is behind `end`.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SegmentWriter>> Reopen(
      const DataDirectory& directory, const SegmentFile& file, const SegmentEnd& end);

  // Whether a record with this payload fits in what is left.
  [[nodiscard]] bool Fits(uint64_t payload_bytes) const;

  // Appends a record, not yet durable. Errors: as File::WriteAt(); then nothing is known of the
  // file.
  [[nodiscard]] absl::Status Append(LogIndex index, LogIndex synced_through,
                                    std::string_view payload);

  [[nodiscard]] absl::Status Sync() { return file_->Sync(); }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::shared_ptr<const File> file() const { return file_; }
  [[nodiscard]] uint64_t capacity() const { return header_.capacity; }
  // How much of the capacity is used.
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
  uint64_t offset_;      // behind the last record
  LogIndex next_index_;  // of the record that belongs next
  std::string record_;   // being made, kept for its memory
};

// Writes zeros, not only reserves space: on a file whose blocks are reserved but unwritten each
// fdatasync has to journal that they are written now (docs/decisions/0003-zero-filled-segments.md).
[[nodiscard]] absl::Status FillWithZeros(File& file, uint64_t from, uint64_t to);

// Gives back the memory of a buffer that one large batch has made larger than most will need.
void ShrinkToUsual(std::string& buffer);

}  // namespace tripla
