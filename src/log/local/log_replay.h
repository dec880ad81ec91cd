// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "log/local/log_extent.h"
#include "log/local/segment_scan.h"
#include "model/command.h"
#include "model/log_position.h"

namespace tripla {

// A segment as a file, without its content.
struct SegmentFile {
  std::string path;
  LogIndex first_index = 0;
  uint64_t bytes = 0;
};

// The content of a log when it was read.
struct LogContent {
  std::vector<SegmentFile> segments;  // in order; may be empty
  LogIndex next_index = 1;            // of the record that would follow; 1 in an empty log
  SegmentEnd last_end;                // of the last segment
  std::optional<Extent> extent;       // how far the log must reach
};

// Receives each batch with its index, file and offset. An error that it returns ends the reading.
using BatchFn = std::function<absl::Status(LogIndex index, Batch batch, const std::string& path,
                                           uint64_t offset)>;

// Reads a whole log, which must have no gaps, and passes the batches after `after` to `take`.
// Changes nothing on disk; a torn end is in LogContent::last_end. The directory may be a copy of
// one in use.
//
// Errors: DataLoss, naming file and offset, for damage, for a segment that is missing, when the log
// begins later than at `after` + 1, and when it does not reach as far as the directory's extent or
// the image at `after` says (R18a); Unimplemented for a later format; errors of the disk and of
// `take`.
[[nodiscard]] absl::StatusOr<LogContent> ReplayLog(const DataDirectory& directory, LogIndex after,
                                                   const BatchFn& take);

// Lists the segments of a log, in order. Reads names only; their sizes stay 0.
[[nodiscard]] absl::StatusOr<std::vector<SegmentFile>> ListSegments(const DataDirectory& directory);

// Replays one segment of ReplayLog(). `next` (or none) must follow it without a gap. Sets the size
// in `segment`.
[[nodiscard]] absl::StatusOr<SegmentEnd> ReplaySegment(const DataDirectory& directory,
                                                       const std::optional<Extent>& extent,
                                                       SegmentFile& segment,
                                                       const SegmentFile* next, LogIndex after,
                                                       const BatchFn& take);

// The first index of the oldest segment, or 0 when there is none. Reads names only.
[[nodiscard]] absl::StatusOr<LogIndex> FirstLogIndex(const DataDirectory& directory);

}  // namespace tripla
