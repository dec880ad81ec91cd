// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "disk/disk.h"

namespace tripla {

// Foresees a full disk: below a reserve of free space writes are refused, and taken again by
// themselves once there is room (design 6). Reads are never refused.
//
// Thread-safety: Refresh() from one thread, the rest from any.
class DiskReserve {
 public:
  // Watches the file system that holds `path`. Writes are refused below `reserve_bytes` and resume
  // at an eighth more, so that they do not flicker. 0: never refused.
  DiskReserve(Disk& disk, std::string path, uint64_t reserve_bytes);

  // Looks at the disk, and says it when writing ends or resumes. To be called every few hundred
  // milliseconds. When the free space cannot be told it keeps the last answer.
  void Refresh();

  // OK, or ResourceExhausted with what to do.
  [[nodiscard]] absl::Status Check() const;

  // Looks at the disk now: whether writes are refused, or would be after the next Refresh().
  [[nodiscard]] bool IsFull() const;

  [[nodiscard]] uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }

 private:
  Disk& disk_;
  const std::string path_;
  const uint64_t reserve_bytes_;
  std::atomic<uint64_t> free_bytes_{UINT64_MAX};
  std::atomic<bool> refusing_{false};
};

}  // namespace tripla
