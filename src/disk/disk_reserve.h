// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "disk/disk.h"

namespace tripla {

// Foresees a full disk (design 6): writes that make the map larger are refused while there is still
// room for one more image. With that image the log can go, so a disk that the server has filled
// heals by itself. Reads are never refused, nor are writes that only remove entries: they make the
// next image smaller. The log and the images may lie on different file systems.
//
// Thread-safety: Refresh() from one thread, the rest from any.
class DiskReserve {
 public:
  // What must stay free beside the next image when nothing else is asked for. A small disk keeps a
  // sixteenth of its size.
  static constexpr uint64_t kDefaultBytes = uint64_t{16} << 20;

  // Watches the file systems that hold `log_path` and `image_path`. Writes resume when an eighth of
  // the reserve more is free, so that they do not flicker. 0: only the next image is reserved for.
  DiskReserve(Disk& disk, std::string log_path, std::string image_path,
              std::optional<uint64_t> reserve_bytes);

  struct NextImage {
    uint64_t bytes_left = 0;  // still to be written
    // What the image after it needs beyond the room that this one makes free. This one lets the
    // image in force go, and the log that it holds. `growth_on_own_disk` is for images on a disk of
    // their own, where no log goes.
    uint64_t growth = 0;
    uint64_t growth_on_own_disk = 0;
    // For people: how much of the image is remembered answers to request ids.
    uint64_t answer_bytes = 0;
  };

  // Looks at the disks, and says it when writing ends or resumes. To be called every few hundred
  // milliseconds. When the free space cannot be told it keeps the last answer.
  void Refresh(const NextImage& image);

  // Whether a write may be taken whose commands have this many bytes: they go into the log and then
  // into an image. OK, or ResourceExhausted with what to do.
  [[nodiscard]] absl::Status Check(uint64_t bytes) const;

  // Whether writes are taken at all.
  [[nodiscard]] absl::Status Check() const { return Check(0); }

  // The largest write that Check() would take now; 0 when it takes none.
  [[nodiscard]] uint64_t write_bytes_max() const;

  // Whether the log may have this many bytes more of the disk for a segment. Refused when the next
  // image, which fits now, would not fit then.
  [[nodiscard]] absl::Status CheckSegment(uint64_t bytes) const;

  // Whether it is time to make room: little is left above the reserve, or a write was refused.
  [[nodiscard]] bool IsTight() const { return tight_.load(std::memory_order_relaxed); }

  // Whether an image of this many bytes fits now.
  [[nodiscard]] bool HasRoomForImage(uint64_t bytes) const;

  // Looks at the disk now: whether writes are refused, or would be after the next Refresh().
  [[nodiscard]] bool IsFull() const;

  // Where the log is.
  [[nodiscard]] uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t reserve_bytes() const { return reserve_bytes_; }

 private:
  // The bytes above the reserve, of the disk with fewer of them; negative below it.
  struct Room {
    int64_t bytes = 0;
    uint64_t log_free = 0;
    std::string text;  // for people: which disk it is, and what is reserved there
  };
  [[nodiscard]] absl::StatusOr<Room> Look(const NextImage& image) const;

  Disk& disk_;
  const std::string log_path_;
  const std::string image_path_;
  const uint64_t reserve_bytes_;
  std::atomic<uint64_t> free_bytes_{UINT64_MAX};
  // As Refresh() was told.
  std::atomic<uint64_t> image_bytes_{0};
  std::atomic<uint64_t> image_growth_{0};
  std::atomic<uint64_t> image_growth_on_own_disk_{0};
  std::atomic<int64_t> room_{INT64_MAX};
  std::atomic<bool> refusing_{false};
  std::atomic<bool> tight_{false};
  bool refusal_said_ = false;  // the thread of Refresh()
  mutable Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);  // of the last look
  // Since the last look.
  mutable std::atomic<uint64_t> admitted_{0};
  mutable std::atomic<bool> refused_{false};
};

}  // namespace tripla
