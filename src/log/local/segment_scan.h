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

// One segment of the log, read whole into memory.
struct Segment {
  std::string path;
  wal::SegmentHeader header;
  std::string bytes;  // of the whole file
};

// Reads a segment and proves its header.
//
// Errors, naming file and offset: DataLoss when the header is damaged, or another segment's than
// the name says; Unimplemented for a later format; what the disk says.
[[nodiscard]] absl::StatusOr<Segment> ReadSegment(Disk& disk, const std::string& path,
                                                  LogIndex first_index);

// Takes one record's payload. An error it returns ends the scan.
using RecordFn =
    std::function<absl::Status(LogIndex index, std::string_view payload, uint64_t offset)>;

// Where the records of a segment end.
struct SegmentEnd {
  LogIndex next_index = 0;  // of the record that would follow
  uint64_t offset = 0;      // where it would begin
  std::string torn;         // why the record there is torn, or empty: nothing was written there
  bool clean = true;        // all bytes from `offset` on are zero
};

// Hands the records of a segment to `take`, in order, up to the first that is torn or missing.
//
// Errors: DataLoss, naming file and offset, for a file that was cut, for everything that a crash
// cannot explain, and when what is torn is proved to have been durable; Unimplemented for a later
// format; what `take` returns.
[[nodiscard]] absl::StatusOr<SegmentEnd> ScanSegment(const Segment& segment, const RecordFn& take);

// A record whose header is whole.
struct FoundRecord {
  wal::RecordHeader header;
  uint64_t offset = 0;
};

// The first one at or behind `offset`: to see what there is behind damage. The salt keeps bytes in
// a value from passing for one.
[[nodiscard]] std::optional<FoundRecord> FindRecord(const Segment& segment, uint64_t offset);

// ScanSegment() from that record on.
[[nodiscard]] absl::StatusOr<SegmentEnd> ScanSegmentFrom(const FoundRecord& first,
                                                         const Segment& segment,
                                                         const RecordFn& take);

}  // namespace tripla
