// SPDX-License-Identifier: Apache-2.0
#include "tools/record_salvage.h"

#include <optional>

namespace tripla::verify {

void ReadPastDamage(const Segment& segment, const RecordFn& take,
                    const std::function<void(const absl::Status&)>& damaged) {
  uint64_t last_offset = 0;  // of the record read last
  const RecordFn take_and_note = [&](LogIndex index, std::string_view payload, uint64_t offset) {
    last_offset = offset;
    return take(index, payload, offset);
  };
  absl::Status scanned = ScanSegment(segment, take_and_note).status();
  absl::Status said;
  while (!scanned.ok()) {
    if (scanned != said) damaged(scanned);  // the record found next may be the damaged one itself
    said = scanned;
    const std::optional<FoundRecord> next = FindRecord(segment, last_offset + 1);
    if (!next) break;
    last_offset = next->offset;
    scanned = ScanSegmentFrom(*next, segment, take_and_note).status();
  }
}

}  // namespace tripla::verify
