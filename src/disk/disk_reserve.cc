// SPDX-License-Identifier: Apache-2.0
#include "disk/disk_reserve.h"

#include <fmt/core.h>

#include <utility>

#include "base/diagnostics.h"

namespace tripla {

DiskReserve::DiskReserve(Disk& disk, std::string path, uint64_t reserve_bytes)
    : disk_(disk), path_(std::move(path)), reserve_bytes_(reserve_bytes) {}

void DiskReserve::Refresh() {
  const absl::StatusOr<uint64_t> free = disk_.FreeBytes(path_);
  if (!free.ok()) return;
  free_bytes_.store(*free, std::memory_order_relaxed);
  const bool refusing = refusing_.load(std::memory_order_relaxed);
  if (!refusing && *free < reserve_bytes_) {
    refusing_.store(true, std::memory_order_relaxed);
    Say(Severity::kError,
        fmt::format("{} has {} bytes free, less than the reserve of {}: writes are refused until "
                    "there is room; reads go on",
                    path_, *free, reserve_bytes_));
  } else if (refusing && *free >= reserve_bytes_ + reserve_bytes_ / 8) {
    refusing_.store(false, std::memory_order_relaxed);
    Say(Severity::kInfo, fmt::format("{} has {} bytes free: writes are taken again", path_, *free));
  }
}

absl::Status DiskReserve::Check() const {
  if (!refusing_.load(std::memory_order_relaxed)) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      fmt::format("the server's disk is nearly full ({} bytes free, {} reserved): it is read-only "
                  "until there is room; free some space and try again",
                  free_bytes(), reserve_bytes_));
}

bool DiskReserve::IsFull() const {
  if (refusing_.load(std::memory_order_relaxed)) return true;
  const absl::StatusOr<uint64_t> free = disk_.FreeBytes(path_);
  return free.ok() && *free < reserve_bytes_;
}

}  // namespace tripla
