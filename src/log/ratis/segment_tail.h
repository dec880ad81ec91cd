// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "disk/data_directory.h"
#include "log/ratis/membership.h"

namespace tripla {

// Cuts off what a crash has left half written at the end of Ratis's log, and says so. Ratis writes
// entries into zeros that stand there before; when a write is cut off, the rest of an entry is
// still zeros, and Ratis, which only knows files that end early, would refuse to start. A power cut
// may leave zeros for a page in the middle, and what was written behind it. Such an entry was never
// acknowledged by this replica, as far as can be told (docs/decisions/0012-rebuild.md).
//
// The open segment, log_inprogress_FIRST, as SegmentedRaftLogFormat of Ratis 3.3.0 has it:
// "RaftLog1", then entries: length varint | LogEntryProto | CRC32C u32 big-endian of both, then
// zeros.
//
// Before Ratis is started. Errors: DataLoss, with file and offset, when an entry is damaged in
// another way; what the disk says.
[[nodiscard]] absl::Status CutTornTail(const DataDirectory& directory,
                                       const Membership& membership);

}  // namespace tripla
