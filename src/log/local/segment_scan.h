// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "disk/disk.h"
#include "log/local/wal_format.h"
#include "model/log_position.h"

namespace tripla {

// A segment of the log, read into memory.
struct Segment {
  std::string path;
  wal::SegmentHeader header;
  std::string bytes;  // of the whole file
};

// Reads a segment and checks its header.
//
// Errors, naming file and offset: DataLoss when the header is damaged or does not match the file's
// name; Unimplemented for a later format; errors of the disk.
[[nodiscard]] absl::StatusOr<Segment> ReadSegment(Disk& disk, const std::string& path,
                                                  LogIndex first_index);

// Receives one record's payload. An error that it returns ends the scan.
using RecordFn =
    std::function<absl::Status(LogIndex index, std::string_view payload, uint64_t offset)>;

// The end of the records in a segment.
struct SegmentEnd {
  LogIndex next_index = 0;  // of the record that would follow
  uint64_t offset = 0;      // where it would begin
  std::string torn;         // why the record there is torn, or empty: nothing was written there
  bool clean = true;        // all bytes from `offset` on are zero
};

// Passes the records of a segment to `take`, in order, up to the first that is torn or missing.
//
// Errors: DataLoss, naming file and offset, for a file that was cut, for everything that a crash
// cannot explain, and when a later record proves that the torn one was durable; Unimplemented for a
// later format; errors of `take`.
[[nodiscard]] absl::StatusOr<SegmentEnd> ScanSegment(const Segment& segment, const RecordFn& take);

// A record whose header is whole.
struct FoundRecord {
  wal::RecordHeader header;
  uint64_t offset = 0;
};

// Finds the first record at or after `offset`, to read on after damage. The salt prevents bytes in
// a value from being taken for one.
[[nodiscard]] std::optional<FoundRecord> FindRecord(const Segment& segment, uint64_t offset);

// As ScanSegment(), beginning with that record.
[[nodiscard]] absl::StatusOr<SegmentEnd> ScanSegmentFrom(const FoundRecord& first,
                                                         const Segment& segment,
                                                         const RecordFn& take);

}  // namespace tripla
