// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "disk/data_directory.h"
#include "model/log_position.h"
#include "snapshot/image_reader.h"
#include "state/state_machine.h"
#include "state/state_view.h"

namespace tripla {

// An image in force.
struct ImageSummary {
  LogPosition position;  // it holds every batch up to this one, inclusive
  uint64_t revision = 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t written_unix_ms = 0;
  std::string file;  // its name inside the data directory: "image/….image"
};

// What a start finds among the images.
struct RecoveredState {
  std::unique_ptr<StateMachine> machine;  // empty when there is no image
  // The log must reach this far: a damaged image that was passed over held it. 0 when there was
  // none.
  LogIndex log_must_reach = 0;
  std::string damage;  // of that image: where and what

  // Once the log behind it was applied, up to record `reached`: DataLoss, naming file and offset,
  // when that is not far enough.
  [[nodiscard]] absl::Status CheckLogReached(LogIndex reached) const;
};

// The images of one data directory: writes them whole or not at all (R16), keeps the last two, and
// loads the newest at the start.
//
// Thread-safety: Recover() or LoadNewest() before all else; Write() from one thread, Install() from
// one after Hold(); the rest from any.
class ImageStore {
 public:
  // `directory` outlives the store.
  explicit ImageStore(const DataDirectory& directory) : directory_(directory) {}

  // Removes partial images and loads as LoadNewest() does.
  [[nodiscard]] absl::StatusOr<RecoveredState> Recover(LogIndex first_log_index);

  // Loads the newest image and changes nothing. When that one is damaged it is not passed over
  // silently: only if the log, which begins with record `first_log_index` (0: there is no log),
  // reaches back to the older image, or to the beginning, can nothing be lost; then that is used,
  // and said.
  //
  // Errors, naming file and offset: DataLoss when the newest image is damaged and cannot be
  // replaced; Unimplemented for a later format; what the disk says.
  [[nodiscard]] absl::StatusOr<RecoveredState> LoadNewest(LogIndex first_log_index);

  // The images there are, by the last record each holds, oldest first. Looks at names only.
  [[nodiscard]] absl::StatusOr<std::vector<LogIndex>> ListImages() const;

  // Reads an image, and proves that it is the one its name says. Errors: as LoadImage().
  [[nodiscard]] absl::StatusOr<LoadedImage> Load(LogIndex index) const;

  [[nodiscard]] std::string PathOf(LogIndex index) const;

  // Writes a view as an image and puts it in force: partial file, fsync, rename, fsync of the
  // directory. Then removes images older than the last two. When it fails the old images stay in
  // force; of the new one a partial file may be left, which the next start removes, or, when only
  // its name was not made durable, all of it, which the next start may take.
  //
  // Errors: ResourceExhausted when there is no space; Cancelled once `abandon` is true, or while
  // images are held; Internal.
  [[nodiscard]] absl::StatusOr<ImageSummary> Write(const StateView& view,
                                                   const std::atomic<bool>& abandon);

  // From any thread, at a stop: nobody waits any more until an old image has been removed in
  // pieces. What is left of it the next start removes, or a Write() after this, which may need its
  // room.
  void LeaveRemovals() { leave_removals_.store(true, std::memory_order_relaxed); }

  // No Write() is under way when it returns, nor succeeds until Install(), or Release() when
  // nothing is to be installed: another replica's image is about to come (R27).
  void Hold();
  void Release();

  // Puts a file that came from another replica in force, in place of all images that were, and
  // loads it. `path` is on the same file system; it is moved, not copied.
  //
  // Errors: DataLoss when it is damaged, Unimplemented for a later format; what the disk says. The
  // images that were are still there unless removing them was what failed.
  [[nodiscard]] absl::StatusOr<std::unique_ptr<StateMachine>> Install(const std::string& path);

  // Reads the newest image and proves every block of it. Returns the last record it holds.
  //
  // Errors: FailedPrecondition when there is none, or images are held; as LoadImage().
  [[nodiscard]] absl::StatusOr<LogIndex> ProveNewest() const;

  // Removes all images but the newest, which must have been proved: the log behind it is gone.
  [[nodiscard]] absl::Status RemoveOlder();

  // Of the image that is being written, until older ones have been removed; 0 when none is.
  [[nodiscard]] uint64_t written_bytes() const {
    return written_bytes_.load(std::memory_order_relaxed);
  }

  // The newest image in force.
  [[nodiscard]] std::optional<ImageSummary> newest() const;

  // The records up to this one are in both kept images: the log may forget them. 0 while there are
  // no two.
  [[nodiscard]] LogIndex releasable() const;

 private:
  absl::Status RemovePartial();
  // Says that `older` is used in place of a damaged image, or refuses it.
  absl::Status FallBack(const absl::Status& damage, LogIndex older, LogIndex first_log_index) const;
  absl::StatusOr<ImageSummary> WriteUnheld(const StateView& view, const std::atomic<bool>& abandon);
  // Also a damaged one that was passed over: the next start must not count on it.
  absl::Status RemoveAllBut(LogIndex older, LogIndex newest);
  absl::Status RemoveInPieces(LogIndex index);
  void PutInForce(const ImageSummary& info);

  const DataDirectory& directory_;
  mutable Mutex mutex_;
  std::optional<ImageSummary> newest_ ABSL_GUARDED_BY(mutex_);
  LogIndex older_ ABSL_GUARDED_BY(mutex_) = 0;  // index of the image before the newest; 0: none
  std::atomic<bool> held_{false};
  std::atomic<bool> leave_removals_{false};
  std::atomic<uint64_t> written_bytes_{0};
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  Condition written_;
};

}  // namespace tripla
