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
#include "log/local/wal_format.h"

namespace tripla {

// Appends records to one segment.
//
// Thread-safety: calls must not overlap.
class SegmentWriter {
 public:
  // Makes a new segment, all of it on disk and durable. It appears under its name when it is
  // complete; one that could not be completed leaves nothing behind.
  //
  // Errors: ResourceExhausted when there is no space, and nothing has changed; Internal for other
  // failures of the disk, after which the segment may exist.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<SegmentWriter>> Create(
      const DataDirectory& directory, LogIndex first_index, uint64_t capacity);

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

  // The capacity of a segment whose first record has this payload.
  [[nodiscard]] static uint64_t CapacityFor(uint64_t payload_bytes, uint64_t segment_bytes);

 private:
  SegmentWriter(std::unique_ptr<File> file, std::string path, const wal::SegmentHeader& header,
                uint64_t offset)
      : file_(std::move(file)), path_(std::move(path)), header_(header), offset_(offset) {}

  std::unique_ptr<File> file_;
  const std::string path_;
  const wal::SegmentHeader header_;
  uint64_t offset_;     // behind the last record
  std::string record_;  // being made, kept for its memory
};

}  // namespace tripla
