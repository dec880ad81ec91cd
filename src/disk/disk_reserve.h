// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/mutex.h"
#include "disk/disk.h"

namespace tripla {

// Acts before a disk is full (design 6): writes that make the map larger are refused while there is
// still room for one more image. After that image the log can be removed, so a server can recover
// from a disk that it has filled itself. Reads are never refused, nor are writes that only remove
// entries: they make the next image smaller. The log and the images may be on different file
// systems.
//
// Thread-safety: Refresh() from one thread, the rest from any.
class DiskReserve {
 public:
  // The default of the space that must stay free in addition to the next image. On a small disk it
  // is a sixteenth of the size.
  static constexpr uint64_t kDefaultBytes = uint64_t{16} << 20;

  // Whose log is reserved for: the messages differ.
  enum class Owner { kStandalone, kReplica };

  // What entries of a replica's log need beside their own size: the zeros that it writes ahead, and
  // what it leaves for its term and its vote. LogRoom.java has the same; a start compares them.
  static constexpr uint64_t kEntryRoomBytes = (uint64_t{1} << 20) + (uint64_t{256} << 10);

  // Watches the file systems that hold `log_path` and `image_path`. Writes resume when an eighth of
  // the reserve more is free, so that the state does not alternate quickly. 0: only the next image
  // is reserved for.
  DiskReserve(Disk& disk, std::string log_path, std::string image_path,
              std::optional<uint64_t> reserve_bytes, Owner owner = Owner::kStandalone);

  struct NextImage {
    uint64_t bytes_left = 0;  // still to be written
    // What the image after it needs beyond the room that this one makes free. This one lets the
    // image in force go, and the log that it holds. `growth_on_own_disk` is for images on a disk of
    // their own, where no log goes.
    uint64_t growth = 0;
    uint64_t growth_on_own_disk = 0;
    // For people: how much of the image is remembered answers to request ids.
    uint64_t answer_bytes = 0;
    // An image to make room is complete, and what it replaces is being removed. The image after it
    // needs the room that this frees, but how much is still to come cannot be told at one moment.
    bool replaces = false;
    // An image is being written, or what it replaces is being removed: room may come.
    bool under_way = false;
  };
  using NextImageFn = std::function<NextImage()>;

  // Checks the disks, and prints when writing ends or resumes. Call it every few hundred
  // milliseconds. If the free space cannot be read, or while an image replaces others, the last
  // result stays.
  void Refresh(const NextImageFn& next_image);

  // Whether a write with this many bytes of commands may be taken; it goes into the log and then
  // into an image. OK, or ResourceExhausted, whose message says what to do. After OK call Settle()
  // with the same number.
  [[nodiscard]] absl::Status Check(uint64_t bytes) const;

  // Whether writes are taken at all.
  [[nodiscard]] absl::Status Check() const { return Check(0); }

  // A write that was admitted is in the log and the map, or never will be. Until the next Refresh()
  // it still counts as admitted.
  void Settle(uint64_t bytes) const;

  // Calls Settle() when it is destroyed.
  struct Settler {
    uint64_t bytes = 0;
    void operator()(const DiskReserve* reserve) const { reserve->Settle(bytes); }
  };
  using Admission = std::unique_ptr<const DiskReserve, Settler>;

  // The largest write that Check() would take now; 0 when it takes none.
  [[nodiscard]] uint64_t write_bytes_max() const;

  // Whether the log may use this many more bytes for a segment. Refused if the next image, which
  // fits now, would no longer fit, and if the disk lacks them while an image is under way.
  [[nodiscard]] absl::Status CheckSegment(uint64_t bytes, const NextImage& next) const;

  // Whether a replica's log may take entries of so many bytes, which its leader has sent. They may
  // begin a new segment. Beside that the next image must still fit, as CheckSegment() has it, and
  // the files that hold the term and the vote. It asks for less than Check() does, so that removals
  // fit when other writes do not. Reads the disk, which may hang.
  [[nodiscard]] bool HasRoomForEntries(uint64_t bytes) const;

  // HasRoomForEntries(0), as the last Refresh() found it.
  [[nodiscard]] bool takes_entries() const {
    return takes_entries_.load(std::memory_order_relaxed);
  }

  // As CheckSegment(), but waits until there is room, for kSegmentPatience at most. Meanwhile
  // IsTight() asks for the image that makes room. So a removal waits for it and is not refused.
  [[nodiscard]] absl::Status AwaitSegment(uint64_t bytes, const NextImageFn& next_image) const;
  static constexpr std::chrono::seconds kSegmentPatience{10};

  // Ends AwaitSegment(), also later calls: no room is made any more.
  void EndWaits();

  // Whether room should be made: little is left above the reserve, a write was refused, or a
  // segment waits.
  [[nodiscard]] bool IsTight() const { return tight_.load(std::memory_order_relaxed); }

  // Whether an image of this many bytes fits now.
  [[nodiscard]] bool HasRoomForImage(uint64_t bytes) const;

  // Whether writes are refused, as the last Refresh() found it.
  [[nodiscard]] bool is_full() const { return refusing_.load(std::memory_order_relaxed); }

  // What is free and what is needed, as the last Refresh() found it; for messages.
  [[nodiscard]] std::string RoomText() const;

  // Where the log is.
  [[nodiscard]] uint64_t free_bytes() const { return free_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] uint64_t reserve_bytes() const { return reserve_bytes_; }

 private:
  // The bytes above the reserve, of the disk with fewer of them; negative below it.
  struct Room {
    int64_t bytes = 0;
    uint64_t log_free = 0;
    std::string text;  // for messages: which disk it is, and what is reserved there
  };
  [[nodiscard]] absl::StatusOr<Room> Look(const NextImage& next) const;
  // Keeps the result of a look, and prints when writing ends or resumes.
  void Note(const Room& room, const NextImage& image);
  // What is printed when writes are refused from now on.
  [[nodiscard]] std::string RefusalText(const std::string& room) const;
  // Of a replica: only other files can be removed to make room.
  [[nodiscard]] bool RemovalsFit() const { return owner_ == Owner::kStandalone || takes_entries(); }

  const Owner owner_;
  Disk& disk_;
  const std::string log_path_;
  const std::string image_path_;
  const uint64_t reserve_bytes_;
  std::atomic<uint64_t> free_bytes_{UINT64_MAX};
  // From the last Refresh().
  std::atomic<uint64_t> image_bytes_{0};
  std::atomic<bool> takes_entries_{true};
  std::atomic<int64_t> admitted_max_{INT64_MAX};  // for admitted_
  std::atomic<bool> refusing_{false};
  std::atomic<bool> tight_{false};
  // Used by the thread of Refresh() alone.
  std::optional<std::chrono::steady_clock::time_point> last_refusal_;  // of a single write
  bool removals_fit_ = true;                                           // as it was printed
  mutable Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);  // of the last Refresh()
  mutable Condition refreshed_;
  bool waits_ended_ ABSL_GUARDED_BY(mutex_) = false;
  // What writes need that Check() has taken, and those of them that Settle() was called for: never
  // reset, because a write can be on its way during any number of looks.
  mutable std::atomic<uint64_t> admitted_{0};
  mutable std::atomic<uint64_t> settled_{0};
  // Since the last Refresh().
  mutable std::atomic<bool> refused_{false};
  mutable std::atomic<bool> segment_waits_{false};
};

}  // namespace tripla
