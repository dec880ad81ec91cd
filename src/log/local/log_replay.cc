// SPDX-License-Identifier: Apache-2.0
#include "log/local/log_replay.h"

#include <fmt/core.h>

#include <optional>
#include <utility>

#include "base/status_macros.h"
#include "model/batch_codec.h"

namespace tripla {
namespace {

absl::Status CheckBegin(const std::vector<SegmentFile>& segments, LogIndex after) {
  if (segments.empty() || segments.front().first_index <= after + 1) return absl::OkStatus();
  return absl::DataLossError(fmt::format(
      "{} (offset 0) is the oldest segment of the log and begins with record {}, but the image in "
      "force holds the records up to {} only: what lies between is missing; restore the missing "
      "segment or image from a copy",
      segments.front().path, segments.front().first_index, after));
}

// A segment may end early only where the next one goes on, whole.
absl::Status CheckJoint(const SegmentFile& segment, const SegmentEnd& end,
                        const SegmentFile* next) {
  if (next == nullptr) return absl::OkStatus();
  if (end.torn.empty() && end.clean && end.next_index == next->first_index) {
    return absl::OkStatus();
  }
  return absl::DataLossError(fmt::format(
      "{} is damaged at offset {}: it ends before record {} ({}), but the next segment, {}, begins "
      "with record {}: a segment or a part of one is missing; restore it from a copy",
      segment.path, end.offset, end.next_index, end.torn.empty() ? "nothing follows" : end.torn,
      next->path, next->first_index));
}

// Decodes a record and hands it on.
absl::Status TakeRecord(LogIndex index, std::string_view payload, const std::string& path,
                        uint64_t offset, const BatchFn& take) {
  absl::StatusOr<Batch> batch = DecodeBatch(payload);
  if (!batch.ok()) {
    return absl::Status(batch.status().code(),
                        fmt::format("{} at offset {}, record {}: {}", path, offset, index,
                                    std::string(batch.status().message())));
  }
  return take(index, *std::move(batch), path, offset);
}

}  // namespace

absl::StatusOr<std::vector<SegmentFile>> ListSegments(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          directory.disk().List(directory.log_path()));
  std::vector<SegmentFile> segments;
  for (const std::string& name : names) {  // sorted, and the names have one length
    if (const std::optional<LogIndex> first = wal::ParseSegmentName(name)) {
      segments.push_back({.path = directory.log_path() + "/" + name, .first_index = *first});
    }
  }
  return segments;
}

absl::StatusOr<SegmentEnd> ReplaySegment(Disk& disk, SegmentFile& segment, const SegmentFile* next,
                                         LogIndex after, const BatchFn& take) {
  TRIPLA_ASSIGN_OR_RETURN(const Segment read, ReadSegment(disk, segment.path, segment.first_index));
  segment.bytes = read.bytes.size();
  const auto take_later = [&](LogIndex index, std::string_view payload, uint64_t offset) {
    if (index <= after) return absl::OkStatus();
    return TakeRecord(index, payload, segment.path, offset, take);
  };
  TRIPLA_ASSIGN_OR_RETURN(SegmentEnd end, ScanSegment(read, take_later));
  TRIPLA_RETURN_IF_ERROR(CheckJoint(segment, end, next));
  return end;
}

absl::StatusOr<LogContent> ReplayLog(const DataDirectory& directory, LogIndex after,
                                     const BatchFn& take) {
  LogContent content;
  TRIPLA_ASSIGN_OR_RETURN(content.segments, ListSegments(directory));
  TRIPLA_RETURN_IF_ERROR(CheckBegin(content.segments, after));
  for (size_t i = 0; i < content.segments.size(); ++i) {
    const bool last = i + 1 == content.segments.size();
    TRIPLA_ASSIGN_OR_RETURN(content.last_end,
                            ReplaySegment(directory.disk(), content.segments[i],
                                          last ? nullptr : &content.segments[i + 1], after, take));
    content.next_index = content.last_end.next_index;
  }
  return content;
}

absl::StatusOr<LogIndex> FirstLogIndex(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, ListSegments(directory));
  return segments.empty() ? 0 : segments.front().first_index;
}

}  // namespace tripla
