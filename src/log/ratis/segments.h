// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"
#include "model/log_position.h"

namespace tripla {

// Checks every segment of Ratis's log, which itself would not name the file and offset of damage,
// or drop a segment without a header. As SegmentedRaftLogFormat of Ratis 3.3.0 has them:
//
//   log_FIRST-LAST, closed     "RaftLog1", then the entries FIRST to LAST; zeros may follow
//   log_inprogress_FIRST, open "RaftLog1", then entries, then zeros
//   an entry                   length varint | LogEntryProto | CRC32C u32 big-endian of both
//
// Cuts off what a crash has left half written at the end of the open one, and says so. Ratis writes
// entries into zeros that stand there before; when a write is cut off, the rest of an entry is
// still zeros, and Ratis, which only knows files that end early, would refuse to start. A power cut
// may leave zeros for a page in the middle, and what was written behind it. It is unlikely that
// this replica has acknowledged such an entry (docs/decisions/0012-rebuild.md).
//
// Segments before a gap are removed when all that the gap lacks is in the image that was loaded,
// which ends with record `in_image`. Ratis 3.3.0 leaves such segments: an image that it installs
// clears its worker's queue, and with it the removal of segments that waits there
// (SegmentedRaftLogWorker.syncWithSnapshot). It would not start with them.
//
// Before Ratis is started. Returns the place of the last entry, 0 when there is none. Errors:
// DataLoss, with file and offset, when an entry is damaged in another way or missing, also between
// two segments; what the disk says.
[[nodiscard]] absl::StatusOr<LogPosition> CheckSegments(const DataDirectory& directory,
                                                        const Membership& membership,
                                                        LogIndex in_image);

// The index of the last entry, after Ratis was closed; 0 without entries. Reads the newest segment
// only. Errors: as CheckSegments().
[[nodiscard]] absl::StatusOr<LogIndex> LastIndexInSegments(const DataDirectory& directory,
                                                           const Membership& membership);

// Receives an entry: the encoded batch that it holds, or nothing when it is one of Ratis's own.
using EntryFn = std::function<absl::Status(LogPosition, std::optional<std::string_view> batch)>;

// Passes the entries after index `after` to `take`, in order, without changing anything. What a
// crash has left half written at the end is passed over. An error of `take` ends the reading.
//
// Errors: as CheckSegments(); DataLoss when the log begins later than behind `after`.
[[nodiscard]] absl::Status ReadEntries(const DataDirectory& directory, const Membership& membership,
                                       LogIndex after, const EntryFn& take);

// The first index that the segments hold, judged by their names, at least 1; 0 without segments.
// Index 0 never holds a batch.
[[nodiscard]] absl::StatusOr<LogIndex> FirstIndexInSegments(const DataDirectory& directory,
                                                            const Membership& membership);

}  // namespace tripla
