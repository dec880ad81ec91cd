// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status_macros.h"
#include "disk/disk.h"

namespace tripla {

// A small file that is written in place, so that a full disk keeps no server from writing it. It
// has two slots, which are written in turn: an interrupted write leaves the other one whole. The
// whole slot with the higher sequence is valid. What a slot holds, and how it is known to be whole,
// is its owner's.

// Far enough apart that no disk writes both slots at once.
inline constexpr uint64_t kSlotDistance = 4096;

// Where the slot with this sequence is.
inline uint64_t OffsetOfSlot(uint64_t sequence) { return sequence % 2 * kSlotDistance; }

// The valid slot; nothing when neither is whole. A Slot has a member `sequence`. `decode` makes one
// of at most `slot_bytes` bytes: nothing when it is not whole.
//
// Errors: those of `decode` and of the disk, with file and offset.
template <typename Slot>
[[nodiscard]] absl::StatusOr<std::optional<Slot>> ReadValidSlot(
    File& file, size_t slot_bytes,
    absl::StatusOr<std::optional<Slot>> (*decode)(std::string_view bytes)) {
  std::optional<Slot> valid;
  for (const uint64_t offset : {OffsetOfSlot(0), OffsetOfSlot(1)}) {
    std::string bytes(slot_bytes, '\0');
    TRIPLA_ASSIGN_OR_RETURN(const size_t size, file.ReadAt(offset, bytes.data(), bytes.size()));
    bytes.resize(size);
    absl::StatusOr<std::optional<Slot>> slot = decode(bytes);
    if (!slot.ok()) {
      return absl::Status(slot.status().code(),
                          fmt::format("{} at offset {}: {}", file.path(), offset,
                                      std::string(slot.status().message())));
    }
    if (*slot && (!valid || valid->sequence < (*slot)->sequence)) valid = *std::move(slot);
  }
  return valid;
}

}  // namespace tripla
