// SPDX-License-Identifier: Apache-2.0
#include "log/local/log_replay.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "model/batch_codec.h"

namespace tripla {
namespace {

absl::Status CheckBegin(const std::vector<SegmentFile>& segments, LogIndex after) {
  if (segments.empty() || segments.front().first_index <= after + 1) return absl::OkStatus();
  return absl::DataLossError(fmt::format(
      "{} (offset 0) is the oldest segment of the log and begins with record {}, but the image in "
      "force holds the records up to {} only: the records between are missing; restore the missing "
      "segment or image from a copy",
      segments.front().path, segments.front().first_index, after));
}

// A segment may end early only if it is whole and the next one continues there.
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

constexpr std::string_view kRestore =
    "restore the data directory from a copy, or see what is left with tripla-verify --dump";

// Checks that a segment belongs to the log of the extent.
absl::Status CheckBelongs(const DataDirectory& directory, const std::optional<Extent>& extent,
                          const Segment& segment) {
  if (segment.header.format < wal::kSegmentFormat) return absl::OkStatus();
  if (!extent) {
    return absl::DataLossError(fmt::format(
        "{} is missing, and with it how far the log must reach: {} (offset 8) was written with it; "
        "put the file back from where the directory was copied, or {}",
        LogExtentPath(directory), segment.path, kRestore));
  }
  if (segment.header.log_id == extent->log_id) return absl::OkStatus();
  return absl::DataLossError(
      fmt::format("{} (offset 48) is a segment of another log than that of {}: "
                  "files of two data "
                  "directories are mixed; {}",
                  segment.path, LogExtentPath(directory), kRestore));
}

// Checks that the log reaches as far as it must (R18a). `after` is the last record of the image.
absl::Status CheckReached(const DataDirectory& directory, const LogContent& content,
                          LogIndex after) {
  if (!content.extent) return absl::OkStatus();
  const Extent& extent = *content.extent;
  const std::string says = fmt::format("{} (offset 0) says that", LogExtentPath(directory));
  const LogIndex newest = content.segments.empty() ? 0 : content.segments.back().first_index;
  if (newest < extent.newest_segment) {
    return absl::DataLossError(fmt::format(
        "{} {}/{}, or a later segment of the log, was written: it is missing, and with it what was "
        "acknowledged after record {}; {}",
        says, directory.log_path(), wal::SegmentName(extent.newest_segment),
        std::max(after, content.next_index - 1), kRestore));
  }
  const std::string end =
      content.segments.empty()
          ? fmt::format("{} holds no segment", directory.log_path())
          : fmt::format("{} ends at offset {} with record {}", content.segments.back().path,
                        content.last_end.offset, content.next_index - 1);
  if (std::max(after, content.next_index - 1) < extent.reached) {
    return absl::DataLossError(fmt::format(
        "{} all records up to {} were durable, but {}{}: the records after it are missing; {}",
        says, extent.reached, end,
        after == 0 ? "" : fmt::format(" and the image with record {}", after), kRestore));
  }
  if (extent.log_on && extent.durable_first && newest != 0 && content.next_index <= after) {
    return absl::DataLossError(fmt::format(
        "the image in force holds the records up to {}, but {}, and {} each record is in "
        "the log before it is in an image: the log's end is missing; {}",
        after, end, says, kRestore));
  }
  return absl::OkStatus();
}

// Decodes a record and passes it on.
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

absl::StatusOr<SegmentEnd> ReplaySegment(const DataDirectory& directory,
                                         const std::optional<Extent>& extent, SegmentFile& segment,
                                         const SegmentFile* next, LogIndex after,
                                         const BatchFn& take) {
  TRIPLA_ASSIGN_OR_RETURN(const Segment read,
                          ReadSegment(directory.disk(), segment.path, segment.first_index));
  TRIPLA_RETURN_IF_ERROR(CheckBelongs(directory, extent, read));
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
  TRIPLA_ASSIGN_OR_RETURN(content.extent, LogExtent::Read(directory));
  TRIPLA_RETURN_IF_ERROR(CheckBegin(content.segments, after));
  for (size_t i = 0; i < content.segments.size(); ++i) {
    const bool last = i + 1 == content.segments.size();
    TRIPLA_ASSIGN_OR_RETURN(content.last_end,
                            ReplaySegment(directory, content.extent, content.segments[i],
                                          last ? nullptr : &content.segments[i + 1], after, take));
    content.next_index = content.last_end.next_index;
  }
  TRIPLA_RETURN_IF_ERROR(CheckReached(directory, content, after));
  return content;
}

absl::StatusOr<LogIndex> FirstLogIndex(const DataDirectory& directory) {
  TRIPLA_ASSIGN_OR_RETURN(const std::vector<SegmentFile> segments, ListSegments(directory));
  return segments.empty() ? 0 : segments.front().first_index;
}

}  // namespace tripla
