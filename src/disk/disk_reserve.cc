// SPDX-License-Identifier: Apache-2.0
#include "disk/disk_reserve.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/diagnostics.h"
#include "base/status_macros.h"

namespace tripla {
namespace {

constexpr uint64_t kPartOfASmallDisk = 16;

uint64_t ReserveOf(Disk& disk, const std::string& log_path, std::optional<uint64_t> asked_for) {
  if (asked_for) return *asked_for;
  const absl::StatusOr<DiskSpace> space = disk.Space(log_path);
  if (!space.ok()) return DiskReserve::kDefaultBytes;
  return std::min(DiskReserve::kDefaultBytes, space->total_bytes / kPartOfASmallDisk);
}

// A write goes into the log and then into an image.
constexpr uint64_t kCopiesOfAWrite = 2;

// Of AwaitSegment(): a Refresh() can end between its look and its wait.
constexpr std::chrono::milliseconds kLookPeriod{100};
// A refusal so soon after another one is of the same write, which the client repeats.
constexpr std::chrono::minutes kRepeatedWithin{1};

std::string TextOf(const DiskReserve::NextImage& next) {
  if (next.answer_bytes == 0) return "";
  return fmt::format(" ({} of them for remembered answers; a del makes the server forget old ones)",
                     next.answer_bytes);
}

// Sizes are far below 2^63.
int64_t Signed(uint64_t bytes) {
  return static_cast<int64_t>(std::min<uint64_t>(bytes, INT64_MAX / 4));
}

}  // namespace

DiskReserve::DiskReserve(Disk& disk, std::string log_path, std::string image_path,
                         std::optional<uint64_t> reserve_bytes, Owner owner)
    : owner_(owner),
      disk_(disk),
      log_path_(std::move(log_path)),
      image_path_(std::move(image_path)),
      reserve_bytes_(ReserveOf(disk, log_path_, reserve_bytes)) {}

absl::StatusOr<DiskReserve::Room> DiskReserve::Look(const NextImage& next) const {
  TRIPLA_ASSIGN_OR_RETURN(const DiskSpace log, disk_.Space(log_path_));
  TRIPLA_ASSIGN_OR_RETURN(const DiskSpace image, disk_.Space(image_path_));
  const int64_t log_room = Signed(log.free_bytes) - Signed(reserve_bytes_);
  Room room{.log_free = log.free_bytes};
  if (log.file_system == image.file_system) {
    room.bytes = log_room - Signed(next.bytes_left + next.growth);
    room.text = fmt::format(
        "{} has {} bytes free, of which {} are reserved and {} are for the next "
        "image{}",
        log_path_, log.free_bytes, reserve_bytes_, next.bytes_left + next.growth, TextOf(next));
    return room;
  }
  const int64_t image_room =
      Signed(image.free_bytes) - Signed(next.bytes_left + next.growth_on_own_disk);
  room.bytes = std::min(log_room, image_room);
  room.text = log_room <= image_room
                  ? fmt::format("{} has {} bytes free, of which {} are reserved", log_path_,
                                log.free_bytes, reserve_bytes_)
                  : fmt::format(
                        "{} has {} bytes free, and the next image needs {}{}, "
                        "and what it is larger than the last one",
                        image_path_, image.free_bytes, next.bytes_left, TextOf(next));
  return room;
}

void DiskReserve::Refresh(const NextImageFn& next_image) {
  // Read first: what has settled is seen by the looks at the map and the disk that follow.
  const uint64_t settled = settled_.load(std::memory_order_acquire);
  const NextImage before = next_image();
  const absl::StatusOr<Room> look = Look(before);
  // An image may have been completed meanwhile: what it frees is then seen as free, but not that
  // the next image needs it.
  const NextImage image = next_image();
  if (!look.ok() || before.replaces || image.replaces) return;
  const absl::StatusOr<Room> again = Look(image);
  if (!again.ok()) return;
  const Room& room = look->bytes < again->bytes ? *look : *again;
  Note(room, image);
  // Writes that have not settled are not in the room yet.
  admitted_max_.store(room.bytes + Signed(settled), std::memory_order_release);
}

void DiskReserve::Note(const Room& room, const NextImage& image) {
  free_bytes_.store(room.log_free, std::memory_order_relaxed);
  image_bytes_.store(image.bytes_left, std::memory_order_relaxed);
  takes_entries_.store(HasRoomForEntries(0), std::memory_order_relaxed);
  const bool refused = refused_.exchange(false, std::memory_order_relaxed);
  const bool segment_waits = segment_waits_.exchange(false, std::memory_order_relaxed);
  tight_.store(refused || segment_waits || room.bytes < Signed(reserve_bytes_),
               std::memory_order_relaxed);
  {
    MutexLock lock(mutex_);
    text_ = room.text;
    refreshed_.NotifyAll();
  }
  const bool refusing = refusing_.load(std::memory_order_relaxed);
  if (refused && !refusing && room.bytes >= 0) {
    const auto now = std::chrono::steady_clock::now();
    if (!last_refusal_ || now - *last_refusal_ > kRepeatedWithin) {
      Say(Severity::kWarning, fmt::format("{}: a write that needs more was refused", room.text));
    }
    last_refusal_ = now;
  }
  const bool removals_ended = refusing && removals_fit_ && !RemovalsFit();
  if ((!refusing && room.bytes < 0) || removals_ended) {
    refusing_.store(true, std::memory_order_relaxed);
    removals_fit_ = RemovalsFit();
    Say(Severity::kError, RefusalText(room.text));
  } else if (refusing && room.bytes >= Signed(reserve_bytes_ / 8)) {
    refusing_.store(false, std::memory_order_relaxed);
    removals_fit_ = true;
    Say(Severity::kInfo, fmt::format("{}: writes are taken again", room.text));
  }
}

std::string DiskReserve::RefusalText(const std::string& room) const {
  if (owner_ == Owner::kStandalone) {
    return fmt::format(
        "{}: writes are refused until there is room, but del is not; delete entries, or free space "
        "there; reads go on",
        room);
  }
  if (!RemovalsFit()) {
    return fmt::format(
        "{}: this server's log takes no records until there is room, not even removals; free space "
        "there",
        room);
  }
  return fmt::format(
      "{}: when it is so on a majority of the servers, writes are refused until there is room, but "
      "del is not; delete entries, or free space there",
      room);
}

absl::Status DiskReserve::Check(uint64_t bytes) const {
  const uint64_t needed = kCopiesOfAWrite * bytes;
  const bool refusing = refusing_.load(std::memory_order_relaxed);
  if (!refusing && bytes == 0) return absl::OkStatus();
  if (!refusing) {
    const int64_t most = admitted_max_.load(std::memory_order_acquire);
    const uint64_t before = admitted_.fetch_add(needed, std::memory_order_relaxed);
    if (Signed(before + needed) <= most) return absl::OkStatus();
    admitted_.fetch_sub(needed, std::memory_order_relaxed);
  }
  refused_.store(true, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  return absl::ResourceExhaustedError(fmt::format(
      "the server's disk is {} ({}{}): it refuses {} until there is room; {}free some space, and "
      "try again",
      RemovalsFit() ? "nearly full" : "full", text_,
      needed == 0 ? "" : fmt::format("; this write needs {}", needed),
      RemovalsFit() ? "writes that make the map larger" : "all writes",
      RemovalsFit() ? "delete entries, or " : ""));
}

void DiskReserve::Settle(uint64_t bytes) const {
  settled_.fetch_add(kCopiesOfAWrite * bytes, std::memory_order_release);
}

uint64_t DiskReserve::write_bytes_max() const {
  if (refusing_.load(std::memory_order_relaxed)) return 0;
  const int64_t room = admitted_max_.load(std::memory_order_acquire) -
                       Signed(admitted_.load(std::memory_order_relaxed));
  return static_cast<uint64_t>(std::max<int64_t>(room, 0)) / kCopiesOfAWrite;
}

absl::Status DiskReserve::CheckSegment(uint64_t bytes, const NextImage& next) const {
  const absl::StatusOr<DiskSpace> log = disk_.Space(log_path_);
  const absl::StatusOr<DiskSpace> image = disk_.Space(image_path_);
  if (log.ok() && log->free_bytes < bytes && next.under_way) {
    return absl::ResourceExhaustedError(
        fmt::format("{} has {} bytes free until an image is complete", log_path_, log->free_bytes));
  }
  if (!log.ok() || !image.ok() || log->file_system != image->file_system) return absl::OkStatus();
  if (log->free_bytes < next.bytes_left || log->free_bytes >= next.bytes_left + bytes) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      fmt::format("{} has {} bytes free, and the next image needs {} of them", log_path_,
                  log->free_bytes, next.bytes_left));
}

bool DiskReserve::HasRoomForEntries(uint64_t bytes) const {
  const uint64_t needed = bytes + kEntryRoomBytes;
  const absl::StatusOr<DiskSpace> log = disk_.Space(log_path_);
  if (log.ok() && log->free_bytes < needed) return false;
  return CheckSegment(needed, {.bytes_left = image_bytes_.load(std::memory_order_relaxed)}).ok();
}

std::string DiskReserve::RoomText() const {
  MutexLock lock(mutex_);
  return text_;
}

absl::Status DiskReserve::AwaitSegment(uint64_t bytes, const NextImageFn& next_image) const {
  const auto deadline = std::chrono::steady_clock::now() + kSegmentPatience;
  while (true) {
    const absl::Status room = CheckSegment(bytes, next_image());
    if (room.ok()) return room;
    segment_waits_.store(true, std::memory_order_relaxed);
    MutexLock lock(mutex_);
    if (waits_ended_ || std::chrono::steady_clock::now() >= deadline) return room;
    refreshed_.WaitUntil(mutex_,
                         std::min(deadline, std::chrono::steady_clock::now() + kLookPeriod));
  }
}

void DiskReserve::EndWaits() {
  MutexLock lock(mutex_);
  waits_ended_ = true;
  refreshed_.NotifyAll();
}

bool DiskReserve::HasRoomForImage(uint64_t bytes) const {
  const absl::StatusOr<DiskSpace> space = disk_.Space(image_path_);
  return !space.ok() || space->free_bytes >= bytes;
}

}  // namespace tripla
